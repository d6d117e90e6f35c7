"""What a layer does in its model: stem, depthwise, qkv, readout, or an ordinary one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd

from mmsfa.layers.effective_weight import has_product
from mmsfa.layers.readout import readout_layers
from mmsfa.losses import LEARNT_BY_LOSSES
from mmsfa.model_parts import get, heads_of, members

ROLES = ('stem', 'depthwise', 'qkv', 'readout', 'default')

# q_conv.conv, attn.qkv, key, self_attn.in_proj, to_q; with numbers where a list holds them
_QKV = re.compile(r'(to_)?(q|k|v|qkv|kv|query|key|value)((_|\.)?(conv|proj|linear|\d+))*')


def product_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(name, layer) of everything that multiplies by weights; what losses have learnt is left out.

    Args:
        model: Any model. A layer that stands in it twice comes once, under its first name.
    """
    for name, module in model.named_modules():
        if has_product(module) and not name.startswith(LEARNT_BY_LOSSES):
            yield name, module


def roles_of(model: nn.Module) -> dict[str, str]:
    """The role of each layer that multiplies by weights, by its name.

    - ``readout``: gives scores, deltas, masks or labels, see
      :func:`~mmsfa.layers.readout.readout_layers`.
    - ``stem``: the first layer of the backbone, which reads the picture; a backbone with several
      such layers tells them by a method ``picture_layers``.
    - ``depthwise``: each channel by itself.
    - ``qkv``: queries, keys and values of an attention.
    - ``default``: all others.

    Args:
        model: A model of mmdet, mmseg or mmpretrain, or a part of one.
    """
    layers = dict(product_layers(model))
    readouts = {id(layer) for head in _heads(model) for layer in _readouts(head)}
    bodies = [part for part in members(get(model, 'backbone')) if isinstance(part, nn.Module)]
    stems = {id(layer) for body in bodies or [model] for layer in _that_read_the_picture(body)}
    return {name: _role(name, layer, readouts, stems) for name, layer in layers.items()}


def _that_read_the_picture(body: nn.Module) -> list[nn.Module]:
    tell = getattr(body, 'picture_layers', None)
    return [layer for _, layer in product_layers(body)][:1] if tell is None else tell()


def _heads(model: nn.Module) -> list[Any]:
    return [head for _, head in heads_of(model) if isinstance(head, nn.Module)] or [model]


def _readouts(head: nn.Module) -> list[nn.Module]:
    return [head.get_submodule(name) for name in readout_layers(head)]


def _role(name: str, layer: nn.Module, readouts: set[int], stems: set[int]) -> str:
    if id(layer) in readouts:
        return 'readout'
    if id(layer) in stems:
        return 'stem'
    if isinstance(layer, _ConvNd) and 1 < layer.groups == layer.in_channels:
        return 'depthwise'
    parts = name.split('.')
    if any(_QKV.fullmatch(part) for part in parts):
        return 'qkv'
    return 'default'

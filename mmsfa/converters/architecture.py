"""The architecture of a backbone, read from the shapes of its tensors."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from mmsfa.backbones.arch import SETTINGS, Arch

from .errors import ConversionError


def arch_of(state_dict: dict[str, Tensor]) -> str | dict[str, Any]:
    """The argument ``arch`` of the :class:`ESpikeFormer` that converted tensors belong to.

    Args:
        state_dict: Converted, with ``backbone.`` in front of the backbone's names.

    Returns:
        The name of a published size, or a dict.

    Raises:
        ConversionError: A part of the backbone is missing, or no model can have its sizes.
    """
    large = any('.attn.q_conv.rep.' in name for name in state_dict)
    num_stages = 4 if large else 5
    # What tells the width of each stage, that it has blocks, and how they look inside.
    downs = [f'backbone.downsample_layers.{i}.conv.weight' for i in range(num_stages)]
    firsts = [f'backbone.stages.{i}.0.conv1.conv.weight' for i in range(3)]
    mlps = [f'backbone.stages.{i}.0.mlp.fc1.conv.weight' for i in range(3, num_stages)]
    missing = [name for name in (*downs, *firsts, *mlps) if name not in state_dict]
    if missing:
        raise ConversionError(
            f'The checkpoint is incomplete: it has no {missing[0].removeprefix("backbone.")} '
            '(our name), so its size cannot be told.'
        )
    settings: dict[str, Any] = dict(family='large') if large else {}
    settings['channels'] = tuple(state_dict[name].shape[0] for name in downs[1:])
    local = 'backbone.stages.3.0.rep_conv.rep.conv1.conv.weight'
    if local in state_dict:
        hidden, channels = state_dict[local].shape[:2]
        settings['local_ratio'] = hidden / channels
    hidden, channels = state_dict[mlps[0]].shape[:2]
    unusual = dict(depths=_depths(state_dict, num_stages), mlp_ratio=hidden // channels)
    # Only what differs from the published family is told.
    try:
        for key, value in unusual.items():
            if Arch.of({**settings, key: value}) != Arch.of(settings):
                settings[key] = value
        return next((name for name in SETTINGS if Arch.of(name) == Arch.of(settings)), settings)
    except ValueError as error:
        raise ConversionError(f'No published model has this size: {error}') from None


def _depths(state_dict: dict[str, Tensor], num_stages: int) -> tuple[int, ...]:
    blocks = [re.match(r'backbone\.stages\.(\d)\.(\d+)\.', name) for name in state_dict]
    return tuple(
        1 + max(int(found[2]) for found in blocks if found and int(found[1]) == stage)
        for stage in range(num_stages)
    )

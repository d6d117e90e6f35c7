"""Published state dict -> ours, and whether it is complete."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .foreign import ConversionError
from .layouts import Layout
from .rules import (
    BACKBONE_PARTS,
    BASE_RULES,
    LARGE_RULES,
    is_large,
    rename,
    rename_decoder,
    rename_head,
    with_class_token,
)


def target_names(names: Iterable[str]) -> dict[str, str | None]:
    """Our name of each published name; None for those that no rule knows.

    The rules depend on the family, which one name alone does not always tell.
    """
    bare = {name: name.removeprefix('module.') for name in names}
    family_rules = LARGE_RULES if is_large(bare.values()) else BASE_RULES
    all_bare = set(bare.values())
    found: dict[str, str | None] = {}
    for name, short in bare.items():
        inner = short.removeprefix('backbone.')
        if inner.startswith(BACKBONE_PARTS):
            found[name] = 'backbone.' + rename(inner, family_rules)
        else:
            found[name] = rename_head(short) or rename_decoder(short, all_bare)
    return found


def convert(source: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Rename and reshape the tensors of a published state dict.

    Args:
        source: Published names and tensors of a backbone or a whole model.

    Returns:
        The converted state dict, and the names that no rule knows or whose place is taken. Tensors
        that nothing needs, see :func:`why_unused`, are in neither.
    """
    converted: dict[str, Tensor] = {}
    leftover = []
    needed = {name: tensor for name, tensor in source.items() if not why_unused(name)}
    for name, target in target_names(needed).items():
        if target is None or target in converted:  # two names for one place: the first one stays
            leftover.append(name.removeprefix('module.'))
        else:
            converted[target] = _reshaped(target, needed[name])
    _fold_neck_biases(converted)
    return converted, leftover


def _reshaped(target: str, tensor: Tensor) -> Tensor:
    """Transformer blocks have Conv1d and layer scales of any shape in some published models."""
    if target.endswith('.conv.weight') and tensor.dim() == 3:
        return tensor[..., None]
    if '.layer_scales.' in target:
        return tensor.flatten()
    return with_class_token(tensor) if target == 'neck.decoder_pos_embed' else tensor


def _fold_neck_biases(state_dict: dict[str, Tensor]) -> None:
    """Move the biases that the published segmentation neck has before its BN into the BN."""
    for name in [n for n in state_dict if re.match(r'neck\..*\.conv\.bias$', n)]:
        mean = name.replace('.conv.bias', '.bn.running_mean')
        if mean in state_dict:
            state_dict[mean] = state_dict[mean] - state_dict.pop(name)


_UNUSED = {
    r'pos_embed$': 'the published encoder never adds its position embedding',
    r'(\w+\.)*\w*(spike|lif)\w*\.v$': 'what the last batch left in a neuron',
}


def why_unused(name: str) -> str | None:
    """The reason why a tensor is left out; None if it is needed."""
    for pattern, reason in _UNUSED.items():
        if re.match(pattern, name.removeprefix('module.')):
            return reason
    return None


def differences(state_dict: dict[str, Tensor], layout: Layout) -> list[str]:
    """List what differs from the recognised backbone and classification head: one line a tensor.

    Raises:
        ConversionError: No model can have these sizes.
    """
    parts = dict(backbone=layout.backbone, head=layout.head)
    want: dict[str, Any] = {}
    got: dict[str, Any] = {}
    for part, cfg in parts.items():
        if cfg is None:
            continue
        try:
            with torch.device('meta'):  # shapes only: no memory, no time
                model = MODELS.build(cfg)
        except ValueError as error:
            raise ConversionError(f'No published model has this size: {error}') from None
        want |= {f'{part}.{name}': tensor.shape for name, tensor in model.state_dict().items()}
        got |= {n: t.shape for n, t in state_dict.items() if n.startswith(f'{part}.')}
    lines = [f'missing     {name} {tuple(want[name])}' for name in want.keys() - got.keys()]
    lines += [f'unexpected  {name} {tuple(got[name])}' for name in got.keys() - want.keys()]
    lines += [
        f'shape       {name}: expected {tuple(want[name])}, got {tuple(got[name])}'
        for name in want.keys() & got.keys()
        if want[name] != got[name]
    ]
    return sorted(lines)

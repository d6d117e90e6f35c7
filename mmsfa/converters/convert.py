"""Published state dict -> ours."""

from __future__ import annotations

import re
from collections.abc import Iterable

from torch import Tensor

from .base_rules import BASE_RULES
from .head_rules import rename_head
from .large_rules import LARGE_RULES, is_large
from .mae_rules import rename_decoder, with_class_token
from .rules import BACKBONE_PARTS, rename
from .unused import why_unused


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

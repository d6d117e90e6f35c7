"""Which parts a model of mmdet, mmseg or mmpretrain has, in a config as in the built model.

Whoever asks for heads, classes or stages asks here; a new kind of part is added here alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

# They read the maps of the whole picture, by the model's own name for them.
DENSE_HEADS = ('rpn_head', 'decode_head', 'bbox_head', 'head')
AUXILIARY_HEADS = ('auxiliary_head',)
# They read regions that a first stage has proposed.
REGION_STAGE = 'roi_head'
REGION_HEADS = ('bbox_head', 'mask_head')


def get(part: Any, name: str, default: Any = None) -> Any:
    """An attribute of a built part, or a key of its config."""
    if isinstance(part, dict):
        return part.get(name, default)
    return getattr(part, name, default)


def members(part: Any) -> list[Any]:
    """The members of a part that may be a list of several; none for None."""
    if part is None:
        return []
    return list(part) if isinstance(part, (list, tuple, nn.ModuleList)) else [part]


def heads_of(model: Any) -> Iterator[tuple[str, Any]]:
    """(path, head) of every head, those of regions last; a list gives one for each member.

    Args:
        model: A model, or its config.
    """
    region = get(model, REGION_STAGE)
    paths = [(name, get(model, name)) for name in (*DENSE_HEADS, *AUXILIARY_HEADS)]
    paths += [(f'{REGION_STAGE}.{name}', get(region, name)) for name in REGION_HEADS]
    for path, part in paths:
        single = not isinstance(part, (list, tuple, nn.ModuleList))
        for number, head in enumerate(members(part)):
            yield (path if single else f'{path}.{number}'), head


def class_head_of(model: Any) -> Any:
    """The first head that tells its number of classes; None in pre-training.

    The proposals of a first stage have none: an RPN calls everything an object.
    """
    for path, head in heads_of(model):
        known = isinstance(get(head, 'num_classes'), int)
        if known and path.partition('.')[0] not in ('rpn_head', *AUXILIARY_HEADS):
            return head
    return None


def is_behind_proposals(name: str) -> bool:
    """Whether a module, by its name in the model, runs on regions and not on the picture."""
    return REGION_STAGE in name.split('.')

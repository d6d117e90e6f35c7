"""Where configs of mmdet, mmseg and mmpretrain state the channels and strides of what they read."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from mmengine.registry import Registry

from mmsfa.model_parts import AUXILIARY_HEADS, DENSE_HEADS, REGION_STAGE, members

from .scopes import class_of

# Heads of a whole picture that mask or label it; they read the maps as the dense heads do.
MASK_HEADS = ('panoptic_head', 'mask_head', 'semantic_head')
MAP_READERS = (*DENSE_HEADS, *MASK_HEADS, *AUXILIARY_HEADS)
STRIDES = ('strides', 'point_strides', 'featmap_strides', 'feature_strides')
# They read a map that a head has made, not those of neck or backbone.
_READS_ANOTHER = ('semantic_roi_extractor',)


def readers_of(model: dict) -> Iterator[tuple[str, dict]]:
    """(path, config) of every head that reads maps of the whole picture.

    Args:
        model: The config of a model.
    """
    for name in MAP_READERS:
        part = model.get(name)
        for number, head in enumerate(members(part)):
            if isinstance(head, dict):
                path = name if isinstance(part, dict) else f'{name}.{number}'
                yield path, head
                if isinstance(head.get('kernel_generate_head'), dict):  # mmseg's K-Net
                    yield f'{path}.kernel_generate_head', head['kernel_generate_head']


def channels_read(part: dict) -> Iterator[tuple[str, list[int], list[int]]]:
    """(key, indices of the maps, their channels) that a neck or head states.

    Args:
        part: Its config.
    """
    if part.get('in_channels') is not None:
        stated = as_list(part['in_channels'])
        every = list(range(len(stated))) if len(stated) > 1 else -1
        yield 'in_channels', as_list(part.get('in_index', every)), stated
    if part.get('c1_in_channels'):  # DeepLabV3+ takes details from the first map; 0 takes none
        yield 'c1_in_channels', [0], [part['c1_in_channels']]


def strides_stated(model: dict, registry: Registry) -> Iterator[tuple[str, list[float], list[int]]]:
    """(path, strides, indices of the maps) of whatever states strides, or has some by default.

    Args:
        model: The config of a model.
        registry: Where the types of its heads are looked up, for what they take by default.

    Yields:
        The path of the setting, what it says, and the indices of the maps; no indices mean the
        first maps.
    """
    for path, head in readers_of(model):
        settings = {**_defaults(class_of(head, registry), head), **head}
        yield from _strides_below(path, settings, head.get('in_index'))
    region = model.get(REGION_STAGE)
    if isinstance(region, dict):
        yield from _strides_below(REGION_STAGE, region, None)


def _strides_below(path: str, value: Any, index: Any) -> Iterator[tuple[str, list, list]]:
    """Every list of strides in a part, however deep; of a list of equal ones the first alone."""
    if isinstance(value, (list, tuple)):
        value = {str(number): one for number, one in enumerate(value) if isinstance(one, dict)}
    for key, inner in value.items():
        if key in STRIDES and isinstance(inner, (list, tuple)) and inner:
            strides = [one[0] if isinstance(one, (list, tuple)) else one for one in inner]
            yield f'{path}.{key}', strides, list(index) if isinstance(index, (list, tuple)) else []
        elif isinstance(inner, (dict, list, tuple)) and key not in _READS_ANOTHER:
            yield from _strides_below(f'{path}.{key}', inner, index)


def read_by(head: Any, strides: list[float]) -> list[float]:
    """The strides of the maps as a head works on them.

    Args:
        head: Its class; None where it is not known.
        strides: Those of the maps that it gets.
    """
    names = {kind.__name__ for kind in getattr(head, '__mro__', ())}
    if 'SOLOHead' in names and len(strides) > 2:  # halves the first map, brings the last to the
        return [2 * strides[0], *strides[1:-1], strides[-2]]  # size of the one before
    return strides


def _defaults(kind: Any, stated: dict) -> dict[str, Any]:
    """What a head takes where its config says nothing: strides, and generators that have them."""
    if any(name in STRIDES or name.endswith('_generator') for name in stated):
        return {}
    for one in getattr(kind, '__mro__', ()):
        own = inspect.signature(one.__init__).parameters if '__init__' in vars(one) else {}
        if own and not any(p.kind is p.VAR_POSITIONAL for p in own.values()):  # no mixin
            defaults = {name: parameter.default for name, parameter in own.items()}
            return {
                name: default
                for name, default in defaults.items()
                if isinstance(default, (list, tuple) if name in STRIDES else dict)
                and (name in STRIDES or name.endswith('_generator'))
            }
    return {}


def as_list(value: Any) -> list:
    """A list of several, or of one."""
    return list(value) if isinstance(value, (list, tuple)) else [value]

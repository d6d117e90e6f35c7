"""The parts and stages that the layers of a model belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from mmsfa.model_parts import AUXILIARY_HEADS, REGION_STAGE

_NUMBERED = '|'.join((*AUXILIARY_HEADS, 'decode_head'))
# The first pattern that matches the start of a module's name gives its stage.
_STAGES = (
    (re.compile(r'(.*?backbone\.)?(?:stages|downsample_layers)\.(\d+)'), r'\1stages.\2'),
    (re.compile(rf'({REGION_STAGE}\.\w+?_head|{_NUMBERED})(?:\.(\d+)(?=\.))?'), None),
    (re.compile(r'(\w+)'), r'\1'),
)


def stage_of(name: str) -> str:
    """The part of a model, and in the backbone its stage, that a module belongs to.

    Example:
        >>> stage_of('backbone.downsample_layers.2.neuron')
        'backbone.stages.2'
        >>> stage_of('roi_head.mask_head.convs.0.activate')
        'roi_head.mask_head'
    """
    for pattern, template in _STAGES:
        found = pattern.match(name)
        if found:
            return found.expand(template) if template else '.'.join(filter(None, found.groups()))
    return name or 'model'


def in_model_order(stages: Iterable[str]) -> list[str]:
    """Sort the numbered stages of each part, and leave the parts where they first stand."""
    parts: dict[str, list[str]] = {}
    for stage in stages:
        parts.setdefault(stage.rstrip('0123456789'), []).append(stage)
    for part, members in parts.items():
        members.sort(key=partial(_number, part))
    return [stage for members in parts.values() for stage in members]


def _number(part: str, stage: str) -> int:
    return int(stage.removeprefix(part) or 0)


def by_stage(layers: dict[str, float]) -> dict[str, float]:
    """Add up a figure of each layer to one of each stage, in the order of the network."""
    sums: dict[str, float] = {}
    for name, value in layers.items():
        sums[stage_of(name)] = sums.get(stage_of(name), 0.0) + value
    return {stage: sums[stage] for stage in in_model_order(sums)}

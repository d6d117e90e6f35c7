"""Which layer of a model gets which quantiser: by its role, or by its name."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from torch import nn

from mmsfa.compression.roles import ROLES, roles_of

from .quantizer import QuantizationError

Setting = int | dict | None

# First and last layers have few weights and most of the accuracy.
_USUAL: dict[str, Setting] = dict(stem=8, readout=8)


class Choice(NamedTuple):
    """What a layer gets.

    Attributes:
        role: Of the layer, or the pattern that named it.
        setting: Bits, the config of a quantiser, or None: it stays in floating point.
    """

    role: str
    setting: Setting


def choose(model: nn.Module, quantization: Mapping[str, Any] | int) -> dict[str, Choice]:
    """Choose a quantiser for each layer of a model that multiplies by weights.

    Args:
        model: A model of mmdet, mmseg or mmpretrain, or a part of one.
        quantization: A number of bits for ``default``, or settings by role (``default``, ``stem``,
            ``depthwise``, ``qkv``, ``readout``; see :func:`~mmsfa.compression.roles.roles_of`),
            and ``layers``: settings by name or pattern (``'neck.*'``), which come first, the later
            over the earlier. A setting is a number of bits, the config of a quantiser, or None
            for floating point. A role that is left out has the one of ``default``; stem and
            readout have 8 bits then, or ``default``'s None.

    Returns:
        (role, setting) by the name of the layer.

    Raises:
        QuantizationError: A role or pattern is unknown or fits no layer.
    """
    if isinstance(quantization, int):
        quantization = dict(default=quantization)
    if not isinstance(quantization, Mapping):
        raise QuantizationError(
            'quantization must be a number of bits (1..8), or settings by role such as '
            f'dict(default=4, stem=8), got {quantization!r}.'
        )
    settings: dict[str, Any] = {**quantization}
    patterns = settings.pop('layers', None) or {}
    if not isinstance(patterns, Mapping):
        raise QuantizationError(
            "quantization.layers must give settings by name or pattern, as {'neck.*': 4}, got "
            f'{patterns!r}.'
        )
    unknown = [key for key in settings if key not in ROLES]
    if unknown:
        raise QuantizationError(
            f'quantization takes the roles {", ".join(ROLES)}, and layers for patterns of names, '
            f'got {unknown[0]!r}.'
        )
    roles = roles_of(model)
    for role in settings:
        if role != 'default' and role not in roles.values():
            raise QuantizationError(
                f'quantization.{role} is set, but no layer of {type(model).__name__} has that '
                f'role; it has {", ".join(sorted(set(roles.values()))) or "no such layers"}.'
            )
    for pattern in patterns:
        if not any(_fits(name, pattern) for name in roles):
            raise QuantizationError(
                f'quantization.layers has {pattern!r}, which fits no layer of '
                f'{type(model).__name__}. Layers are called {", ".join(list(roles)[:3])} and so '
                "on; '*' stands for anything."
            )
    default = settings.get('default')
    usual = {} if default is None else _USUAL
    chosen = {}
    for name, role in roles.items():
        setting = settings.get(role, usual.get(role, default))
        chosen[name] = Choice(role, setting)
        for pattern, own in patterns.items():
            if _fits(name, pattern):
                chosen[name] = Choice(pattern, own)
    return chosen


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f'{pattern}.*')

"""How many channels stay, and which: ratios by layer, widths, ties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Literal

import torch
from torch import Tensor

from mmsfa.errors import UserError

Rounding = Literal['code', 'text']

# A ratio is no exact number: 10 * (1 - 0.9) lies just below 1.
_ALMOST = 1e-9


class PruningError(UserError, ValueError):
    """A pruning that the model cannot have."""


def check_ratio(ratio: object, name: str = 'ratio') -> float:
    """A ratio that has been found to be one.

    Args:
        ratio: Share of the channels that goes.
        name: What the message calls it.

    Raises:
        PruningError: It is no number in [0, 1).
    """
    if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0 <= ratio < 1:
        raise PruningError(
            f'{name} (the share of the channels that goes) must lie in [0, 1), got {ratio!r}.'
        )
    return float(ratio)


def width_after(width: int, ratio: float, rounding: Rounding = 'code') -> int:
    """The number of channels that stay.

    Args:
        width: Number of channels n.
        ratio: Share r that goes.
        rounding: ``'code'``: int(n (1 - r)), as released; ``'text'``: n - round(r n), as written.

    Raises:
        PruningError: The rounding is unknown.
    """
    if rounding == 'code':
        return int(width * (1 - ratio) + _ALMOST)
    if rounding == 'text':
        return width - round(ratio * width)
    raise PruningError(f"rounding must be 'code' or 'text', got {rounding!r}.")


def kept_channels(scores: Tensor, width: int, parts: int = 1) -> list[int]:
    """The channels with the highest scores, ascending.

    Among equals the higher index stays: scores tie all the time, and an order that depends on the
    sort of a machine would give another network elsewhere.

    Args:
        scores: (C,), one for each channel.
        width: How many stay.
        parts: Each of so many equal parts (heads) keeps the same number.

    Raises:
        PruningError: Scores are NaN: nothing tells which channels are good.
    """
    if scores.isnan().any():
        raise PruningError('Scores are NaN: the weights or spikes of the layer hold NaN.')
    size = len(scores) // parts
    rows = scores.detach().double().cpu().view(parts, size)
    order = torch.sort(rows, dim=1, stable=True).indices[:, size - width // parts :]
    first = torch.arange(parts).unsqueeze(1) * size
    return sorted((order + first).flatten().tolist())


def ratios_of(
    names: Iterable[str], ratio: float, layers: Mapping[str, float] | None = None
) -> dict[str, float]:
    """The ratio of each unit by its name.

    Args:
        names: Of the units, which are those of their layers.
        ratio: Of all that no pattern fits.
        layers: Ratios by name or pattern (``'backbone.stages.3.*'``), the later over the earlier.

    Raises:
        PruningError: A ratio is none, or a pattern fits nothing.
    """
    names = list(names)
    found = dict.fromkeys(names, check_ratio(ratio))
    for pattern, own in (layers or {}).items():
        check_ratio(own, f'The ratio of {pattern!r}')
        fitting = [name for name in names if fits(name, pattern)]
        if not fitting:
            raise PruningError(
                f'{pattern!r} fits no layer whose channels can be pruned. Those are '
                f"{', '.join(names[:3]) or 'none'}{' and so on' if names[3:] else ''}; '*' stands "
                'for anything.'
            )
        found.update(dict.fromkeys(fitting, float(own)))
    return found


def fits(name: str, pattern: str) -> bool:
    """Whether a pattern names a layer or something that it lies in."""
    return fnmatchcase(name, pattern) or fnmatchcase(name, f'{pattern}.*')

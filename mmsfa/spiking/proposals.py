"""One order of a detector's proposals in several passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import torch
from mmengine.structures import InstanceData
from torch import nn

from .measure.observer import instance_attribute

ROUNDING = 1e3  # units in the last place by which two passes may place the same proposal apart

Change = Callable[[list[InstanceData]], list[InstanceData]]


class ProposalOrder:
    """Gives the proposals of a second pass the order that they have in the first one.

    Two passes add in different orders, and proposals of equal scores, as coarse weights and counts
    give many, then change places in the last bit of a sum. Everything behind them stands at another
    place, and nothing is different.

    Args:
        model: A detector of two stages; any other model stays as it is.
    """

    def __init__(self, model: nn.Module) -> None:
        self._head: Any = getattr(model, 'rpn_head', None)
        self._first: list[list[InstanceData]] = []  # one entry a call

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Meanwhile the order of each call's proposals is kept."""
        self._first.clear()

        def keep(found: list[InstanceData]) -> list[InstanceData]:
            self._first.append(found)
            return found

        with self._predictions_go_through(keep):
            yield

    @contextmanager
    def repeated(self) -> Iterator[None]:
        """Meanwhile proposals come in the order that was kept, as far as they are the same.

        A simulation that runs the model once a virtual step asks for each of them several times.
        """
        calls = cycle(self._first)

        def reorder(found: list[InstanceData]) -> list[InstanceData]:
            return list(map(in_order_of, next(calls, found), found))

        with self._predictions_go_through(reorder):
            yield

    @contextmanager
    def _predictions_go_through(self, change: Change) -> Iterator[None]:
        predict = getattr(self._head, 'predict', None)
        if predict is None:
            yield
            return
        with instance_attribute(self._head, 'predict', lambda *a, **k: change(predict(*a, **k))):
            yield


def in_order_of(first: InstanceData, own: InstanceData) -> InstanceData:
    """The same proposals in another order.

    Args:
        first: Whose order it shall be.
        own: Proposals, ``bboxes`` of shape (N, 4) in pixels.

    Returns:
        ``own``, reordered; as it is where the two are not the same proposals but for rounding.
    """
    if len(first) != len(own):
        return own
    theirs, mine = first.bboxes, own.bboxes
    if not len(own) or not theirs.dtype.is_floating_point:
        return own
    within = ROUNDING * torch.finfo(mine.dtype).eps * mine.abs().max()
    order = torch.arange(len(own), device=mine.device)
    moved = ((theirs - mine).abs().amax(1) > within).nonzero().flatten()
    gaps = (theirs[moved, None] - mine[moved]).abs().amax(-1)
    for row in range(len(moved)):
        nearest = gaps[row].argmin()
        if gaps[row, nearest] > within:
            return own
        order[moved[row]] = moved[nearest]
        gaps[:, nearest] = torch.inf
    return own[order]

"""A quantised weight that is computed once for the same weights."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class ComputedWeight(NamedTuple):
    """A quantised weight, and what it was computed from.

    Weights may be overwritten behind autograd's back (``weight.data``, as EMA does), so their
    values are compared, in one pass; to search a scale takes dozens.

    Attributes:
        weight: The float weight.
        scale: The fixed scale, if there was one.
        settings: Of the quantiser.
        values: What came of them.
    """

    weight: Tensor
    scale: Tensor | None
    settings: dict[str, object]
    values: Tensor

    @classmethod
    def of(
        cls, weight: Tensor, scale: Tensor | None, settings: dict[str, object], values: Tensor
    ) -> ComputedWeight:
        """Keep copies of what the values were computed from."""
        copy = None if scale is None else scale.detach().clone()
        return cls(weight.detach().clone(), copy, settings, values)

    def still_holds(
        self, weight: Tensor, scale: Tensor | None, settings: dict[str, object]
    ) -> bool:
        """Whether the same weights, scale and settings would be quantised again."""
        same = settings == self.settings
        return same and _equal(weight, self.weight) and _equal(scale, self.scale)


def _equal(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and one.device == other.device and torch.equal(one, other)

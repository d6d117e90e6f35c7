"""Values in the place of what they were computed from, with a gradient that is chosen."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .checks import is_exporting


class _StraightThrough(torch.autograd.Function):
    """Values that were computed from ``x``, with a slope that was chosen."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, values: Tensor, slope: Tensor | None) -> Tensor:
        ctx.save_for_backward(slope)
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, None]:
        (slope,) = ctx.saved_tensors
        return grad if slope is None else grad * slope, None, None


def straight_through(x: Tensor, values: Tensor, slope: Tensor | None = None) -> Tensor:
    """Put values in the place of what they were computed from, and keep a gradient.

    Args:
        x: What gets the gradient.
        values: Of the same shape, without a gradient; they come out bit for bit.
        slope: Factor of the gradient, broadcastable to ``x``; None passes it unchanged.
    """
    if is_exporting() or not (torch.is_grad_enabled() and x.requires_grad):
        return values
    return _StraightThrough.apply(x, values, slope)

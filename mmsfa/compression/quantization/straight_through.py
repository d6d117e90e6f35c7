"""Steps that have no useful slope, each with the gradient that training takes instead."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mmsfa.neurons.functional import is_exporting


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


def sign(x: Tensor) -> Tensor:
    """+1 from 0 upwards, -1 below: there is no third value, unlike with ``torch.sign``."""
    return torch.where(x < 0, -1.0, 1.0).to(x.dtype)


def power_of_two(x: Tensor) -> Tensor:
    """The power of two that is nearest by its exponent; 0 becomes 1."""
    return torch.where(x > 0, x, torch.ones_like(x)).log2().round().exp2()


def standardize(rows: Tensor) -> Tensor:
    """Each row less its mean, over its standard deviation (that of n - 1), with its gradient.

    A row whose elements are all the same becomes zeros, and gets no gradient.

    Args:
        rows: (F, n), one filter a row.
    """
    constant = rows.detach().amax(1, keepdim=True) == rows.detach().amin(1, keepdim=True)
    centred = (rows - rows.mean(1, keepdim=True)).masked_fill(constant, 0)
    variance = centred.square().sum(1, keepdim=True) / max(rows.shape[1] - 1, 1)
    return centred / variance.masked_fill(constant, 1).sqrt()

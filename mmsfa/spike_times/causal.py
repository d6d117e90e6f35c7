"""The first spike of a neuron with a ramp kernel, in closed form.

beta = 0 is ReL-PSP (STDBP, https://arxiv.org/abs/2003.11837), beta > 0 a threshold that falls
linearly. Whether STD-ED (https://arxiv.org/abs/2403.00270) means just this one by its adaptive
threshold is our guess: its formula was not found.
"""

from __future__ import annotations

from math import inf, isfinite
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .codes import SpikeTimeError, check_times

# Numbers in the largest tensor of a step: rows are calculated in groups of this size.
GROUP = 2**21


def first_spike_times(
    t: Tensor, weight: Tensor, theta0: float = 1.0, beta: float = 0.0, t_max: float = inf
) -> Tensor:
    r"""The first spike of each neuron, with exact gradients.

    .. math:: V_j(t) = \sum_i w_{ji} \max(0, t - t_i), \qquad
        t_j = \frac{\theta_0 + \sum_{i \in C} w_{ji} t_i}{\beta + \sum_{i \in C} w_{ji}}

    :math:`t_j` is the first time with :math:`V_j(t) \ge \theta_0 - \beta t`, and C its causal set:
    the inputs before it. The denominator is the slope of the crossing and so always positive: no
    gradient has another sign than its weight.

    Args:
        t: Times of the inputs, 0 or later and inf where silent, shape (B, inputs).
        weight: Weights, shape (neurons, inputs).
        theta0: Threshold at time 0, > 0.
        beta: How fast the threshold falls, >= 0. With beta > 0 a neuron whose weights have no
            positive sum can fire, too.
        t_max: A neuron that would fire later is silent.

    Returns:
        Spike times, shape (B, neurons), and inf where silent; those have zero gradient.

    Raises:
        SpikeTimeError: Shapes, times or settings are none of these.
    """
    check_threshold(theta0, beta, t_max)
    check_times(t)
    if t.dim() != 2 or weight.dim() != 2 or t.shape[1] != weight.shape[1]:
        raise SpikeTimeError(
            'Times must have the shape (B, inputs) and weights (neurons, inputs), got '
            f'{tuple(t.shape)} and {tuple(weight.shape)}.'
        )
    dtype = torch.promote_types(t.dtype, weight.dtype)  # under autocast they may differ
    settings = float(theta0), float(beta), float(t_max)
    return _FirstSpike.apply(t.to(dtype), weight.to(dtype), *settings)


def check_threshold(theta0: float, beta: float, t_max: float) -> None:
    """Check the settings of a threshold.

    Raises:
        SpikeTimeError: One is out of its range.
    """
    if not (isfinite(theta0) and theta0 > 0 and isfinite(beta) and beta >= 0 and t_max > 0):
        raise SpikeTimeError(
            'A threshold needs theta0 > 0, beta >= 0 and t_max > 0, got '
            f'theta0={theta0!r}, beta={beta!r}, t_max={t_max!r}.'
        )


def closed_form(t: Tensor, weight: Tensor, theta0: float, beta: float, t_max: float) -> Tensor:
    """Spike times without gradient: (B, inputs), (neurons, inputs) -> (B, neurons).

    Inputs are sorted; each prefix gives a candidate, which counts if it lies before the next
    input. It cannot lie before the last one, where the potential was still below the threshold;
    and what inputs of one time add begins with 0, so that they may enter one by one.
    """
    when, order = t.sort(dim=1)
    silent = when.isinf()
    w = weight.t()[order].masked_fill(silent[..., None], 0)  # (B, inputs, neurons)
    wt = w * when.masked_fill(silent, 0)[..., None]
    nothing = torch.zeros_like(w[:, :1])
    slope = beta + torch.cat([nothing, w], 1).cumsum(1)
    charge = theta0 + torch.cat([nothing, wt], 1).cumsum(1)
    zero = torch.zeros_like(when[:, :1])
    begin = torch.cat([zero, when], 1)[..., None]
    end = torch.cat([when, zero + inf], 1)[..., None]
    rising = slope > 0
    # Rounding may put a candidate just before its last input.
    found = (charge / torch.where(rising, slope, 1)).maximum(begin)
    valid = rising & (found <= end)
    first = torch.where(valid, found, inf).amin(1)
    return torch.where(first <= t_max, first, inf)


class _FirstSpike(Function):
    """`closed_form` in groups of rows, and its gradients from the causal sets."""

    @staticmethod
    def forward(
        ctx: Any, t: Tensor, weight: Tensor, theta0: float, beta: float, t_max: float
    ) -> Tensor:
        """Find the spikes; causal sets are found again in `backward`, which saves memory."""
        rows = _rows(weight)
        parts = [closed_form(part, weight, theta0, beta, t_max) for part in t.split(rows)]
        found = torch.cat(parts)
        ctx.save_for_backward(t, weight, found)
        ctx.beta = beta
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """dt_j/dt_i = w_ji / slope, dt_j/dw_ji = (t_i - t_j) / slope, in the causal set."""
        t, weight, found = ctx.saved_tensors
        grad_t, grad_weight = [], torch.zeros_like(weight)
        rows = _rows(weight)
        for at, fired, up in zip(t.split(rows), found.split(rows), grad.split(rows), strict=True):
            causal = (at[:, None] < fired[..., None]).to(weight.dtype)  # (B, neurons, inputs)
            slope = ctx.beta + torch.einsum('bji,ji->bj', causal, weight)
            real = fired.isfinite() & (slope > 0)
            up = torch.where(real, up / torch.where(real, slope, 1), 0)
            causal *= up[..., None]
            grad_t.append(torch.einsum('bji,ji->bi', causal, weight))
            grad_weight += torch.einsum('bji,bi->ji', causal, at.masked_fill(at.isinf(), 0))
            late = fired.masked_fill(~real, 0)
            grad_weight -= torch.einsum('bji,bj->ji', causal, late)
        return torch.cat(grad_t), grad_weight, None, None, None


def _rows(weight: Tensor) -> int:
    return max(1, GROUP // max(1, weight.numel()))

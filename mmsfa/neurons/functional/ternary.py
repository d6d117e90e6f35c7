"""Ternary leaky integrate-and-fire: spikes of -1, 0 and +1 through real time steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .checks import check_batch, check_floating, check_time, is_exporting
from .surrogate import surrogate_derivative

Store = Callable[[Tensor], Tensor]


class _TernarySpike(torch.autograd.Function):
    """Signs beyond the threshold, with a triangle of slope around either of them."""

    @staticmethod
    def forward(ctx: Any, charge: Tensor, threshold: float, alpha: float) -> Tensor:
        ctx.save_for_backward(charge)
        ctx.settings = threshold, alpha
        return ternary_spikes(charge, threshold)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (charge,) = ctx.saved_tensors
        threshold, alpha = ctx.settings
        slope = surrogate_derivative(charge - threshold, 'triangle', alpha)
        slope += surrogate_derivative(charge + threshold, 'triangle', alpha)
        return grad * slope, None, None


def ternary_spikes(charge: Tensor, threshold: float | Tensor) -> Tensor:
    """+1 from the threshold upwards, -1 from minus the threshold downwards, else 0; NaN stays.

    Args:
        charge: Any shape and dtype.
        threshold: > 0, broadcastable to it.

    Returns:
        Shape and dtype of ``charge``.
    """
    spikes = (charge >= threshold).to(charge.dtype) - (charge <= -threshold).to(charge.dtype)
    return spikes + charge * 0 if charge.is_floating_point() else spikes


def ternary_fire_one_step(
    current: Tensor,
    membrane: Tensor | None,
    leak: float,
    threshold: float,
    alpha: float = 1.0,
    detach_reset: bool = True,
    store: Store | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    r"""One real time step of a ternary neuron.

    .. math:: u = leak \, v + x, \qquad s = [u \ge \theta] - [u \le -\theta], \qquad
        v = u - \theta s

    Args:
        current: x, shape (B, ...).
        membrane: v of the step before; None in the first step.
        leak: Share of the membrane potential that stays.
        threshold: :math:`\theta`, > 0.
        alpha: Steepness of the triangles around :math:`\pm\theta` that stand for the slope of a
            spike.
        detach_reset: Let no gradient flow through the spike in the reset.
        store: What is kept of v, such as a quantised one.

    Returns:
        Spikes, v for the next step and the charge u, each (B, ...).
    """
    charge = current if membrane is None else membrane * leak + current
    if torch.is_grad_enabled() and charge.requires_grad and not is_exporting():
        spikes = _TernarySpike.apply(charge, threshold, alpha)
    else:
        spikes = ternary_spikes(charge, threshold)
    kept = charge - threshold * (spikes.detach() if detach_reset else spikes)
    return spikes, kept if store is None else store(kept), charge


def ternary_fire_over_time(
    x: Tensor,
    T: int,
    leak: float,
    threshold: float,
    alpha: float = 1.0,
    detach_reset: bool = True,
    store: Store | None = None,
) -> Tensor:
    """Fire spikes with signs over T real time steps, see :func:`ternary_fire_one_step`.

    Args:
        x: Input current, shape (T*B, ...): time is the slow part of the batch axis.
        T: Number of real time steps.
        leak: See :func:`ternary_fire_one_step`.
        threshold: See :func:`ternary_fire_one_step`.
        alpha: See :func:`ternary_fire_one_step`.
        detach_reset: See :func:`ternary_fire_one_step`.
        store: See :func:`ternary_fire_one_step`.

    Returns:
        -1, 0 and +1, shape (T*B, ...), dtype of ``x``; NaN where the charge is.

    Raises:
        ValueError: The batch axis is no multiple of T, or a setting is out of its range.
        TypeError: ``x`` is not a floating-point tensor.
    """
    check_time(T, leak)
    check_floating(x)
    check_batch(x, T)
    membrane, fired = None, []
    for current in x.unflatten(0, (T, -1)).unbind():
        spikes, membrane, _ = ternary_fire_one_step(
            current, membrane, leak, threshold, alpha, detach_reset, store
        )
        fired.append(spikes)
    return torch.cat(fired)

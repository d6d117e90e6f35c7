"""Variants of the binary neuron: what happens to its threshold, its state and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .checks import check_batch, check_floating, check_time, is_exporting
from .lif import BinaryDynamics
from .surrogate import SpikeSurrogate, check_surrogate, surrogate_derivative


class StateHooks(NamedTuple):
    """Functions that take part in each real time step; None leaves a step as it is.

    Attributes:
        threshold: Charge (B, ...) -> threshold above rest, broadcastable to it; an adaptive one.
            Called once for each step, in their order.
        store: Membrane potential after the reset -> what is kept for the next step, such as a
            quantised one. Its gradient is its own.
        grad_mask: Charge, spikes -> factor of the surrogate's slope.
        strict: Fire above the threshold only, not at it.
    """

    threshold: Callable[[Tensor], Tensor] | None = None
    store: Callable[[Tensor], Tensor] | None = None
    grad_mask: Callable[[Tensor, Tensor], Tensor] | None = None
    strict: bool = False


class _Spike(torch.autograd.Function):
    """The spikes that were found, with the masked slope of a surrogate."""

    @staticmethod
    def forward(
        ctx: Any,
        distance: Tensor,
        spikes: Tensor,
        mask: Tensor | None,
        surrogate: str,
        alpha: float,
    ) -> Tensor:
        ctx.save_for_backward(distance, mask)
        ctx.settings = surrogate, alpha
        return spikes.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        distance, mask = ctx.saved_tensors
        grad = grad * surrogate_derivative(distance, *ctx.settings)
        return grad if mask is None else grad * mask, None, None, None, None


def hooked_fire_one_step(
    current: Tensor,
    membrane: Tensor | None,
    dynamics: BinaryDynamics,
    hooks: StateHooks,
    surrogate: SpikeSurrogate = 'sigmoid',
    alpha: float | None = None,
    detach_reset: bool = False,
) -> tuple[Tensor, Tensor]:
    """One real time step of :func:`hooked_fire_over_time`.

    Args:
        current: Input current of this step, shape (B, ...).
        membrane: What the step before has stored; None in the first step.
        dynamics: How the neuron charges, fires and resets.
        hooks: What differs.
        surrogate: See :func:`surrogate_derivative`.
        alpha: See :func:`surrogate_derivative`; None takes the usual one.
        detach_reset: Let no gradient flow through the reset.

    Returns:
        Spikes (0 or 1; NaN where the charge is) and the stored membrane potential, (B, ...).
    """
    alpha = check_surrogate(surrogate, alpha)
    if membrane is None:
        charge = current * dynamics.gain
    else:
        charge = torch.add(membrane * dynamics.leak, current, alpha=dynamics.gain)
    threshold = dynamics.threshold if hooks.threshold is None else hooks.threshold(charge)
    distance = charge - threshold
    fires = distance > 0 if hooks.strict else distance >= 0
    spikes = torch.where(charge.isnan(), charge, fires.to(charge.dtype)).detach()
    if torch.is_grad_enabled() and distance.requires_grad and not is_exporting():
        mask = None if hooks.grad_mask is None else hooks.grad_mask(charge.detach(), spikes)
        spikes = _Spike.apply(distance, spikes, mask, surrogate, alpha)
    reset = spikes.detach() if detach_reset else spikes
    stored = charge - threshold * reset if dynamics.soft_reset else charge * (1 - reset)
    return spikes, stored if hooks.store is None else hooks.store(stored)


def hooked_fire_over_time(
    x: Tensor,
    T: int,
    dynamics: BinaryDynamics,
    hooks: StateHooks,
    surrogate: SpikeSurrogate = 'sigmoid',
    alpha: float | None = None,
    detach_reset: bool = False,
) -> Tensor:
    """Fire binary spikes over T real time steps, with hooks on the state.

    Without any hook it gives what :func:`binary_fire_over_time` gives, which keeps less for
    backward.

    Args:
        x: Input current, shape (T*B, ...): time is the slow part of the batch axis.
        T: Number of real time steps.
        dynamics: How the neuron charges, fires and resets.
        hooks: What differs.
        surrogate: See :func:`surrogate_derivative`.
        alpha: See :func:`surrogate_derivative`; None takes the usual one.
        detach_reset: Let no gradient flow through the reset.

    Returns:
        Zeros and ones, shape (T*B, ...), dtype of ``x``; NaN where the charge is.

    Raises:
        ValueError: The batch axis is no multiple of T, or a setting is out of its range.
        TypeError: ``x`` is not a floating-point tensor.
    """
    check_time(T, 0)
    check_floating(x)
    check_batch(x, T)
    membrane, fired = None, []
    for current in x.unflatten(0, (T, -1)).unbind():
        spikes, membrane = hooked_fire_one_step(
            current, membrane, dynamics, hooks, surrogate, alpha, detach_reset
        )
        fired.append(spikes)
    return torch.cat(fired)

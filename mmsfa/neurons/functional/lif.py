"""Binary integrate-and-fire neurons (IF, LIF), trained directly through their real time steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from .checks import check_batch, check_floating, check_time, is_exporting
from .surrogate import SpikeSurrogate, check_surrogate, surrogate_derivative


class BinaryDynamics(NamedTuple):
    r"""How an integrate-and-fire neuron charges, fires and resets.

    Potentials are counted from the one at rest, which a hard reset returns to:

    .. math:: H[t] = leak \, V[t-1] + gain \, x[t], \qquad s[t] = [H[t] \ge threshold]

    and V[t] = H[t] - threshold s[t] (soft reset) or H[t] (1 - s[t]) (hard reset).

    Attributes:
        leak: Share of the membrane potential that stays until the next step.
        gain: Factor of the input.
        threshold: Above rest.
        soft_reset: Whether a spike takes the threshold away, or everything.
    """

    leak: float
    gain: float
    threshold: float
    soft_reset: bool


def binary_fire_one_step(
    current: Tensor, membrane: Tensor | None, dynamics: BinaryDynamics
) -> tuple[Tensor, Tensor, Tensor]:
    """One real time step of :func:`binary_fire_over_time`, without gradients.

    Args:
        current: Input current of this step, shape (B, ...).
        membrane: Membrane potential after the step before; None in the first step.
        dynamics: Of the neuron.

    Returns:
        Spikes (0 or 1; NaN where the charge is), the new membrane potential and the charge before
        the reset, each of shape (B, ...).
    """
    leak, gain, threshold, soft_reset = dynamics
    if membrane is None:
        charge = current * gain
    else:
        charge = torch.add(membrane * leak, current, alpha=gain)
    fires = charge >= threshold
    spikes = torch.where(charge.isnan(), charge, fires.to(charge.dtype))  # NaN is no silence
    if soft_reset:
        membrane = torch.sub(charge, spikes, alpha=threshold)
    else:
        membrane = charge.masked_fill(fires, 0)
    return spikes, membrane, charge


class _BinaryFireOverTime(torch.autograd.Function):
    """Binary firing over T steps that keeps the charge only, and its gradient through time."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        T: int,
        leak: float,
        gain: float,
        threshold: float,
        soft_reset: bool,
        surrogate: str,
        alpha: float,
        detach_reset: bool,
    ) -> Tensor:
        dynamics = BinaryDynamics(leak, gain, threshold, soft_reset)
        membrane, fired, charges = None, [], []
        for current in x.unflatten(0, (T, -1)).unbind():
            spikes, membrane, charge = binary_fire_one_step(current, membrane, dynamics)
            fired.append(spikes)
            charges.append(charge)
        ctx.save_for_backward(*charges)
        ctx.settings = (leak, gain, threshold, soft_reset, surrogate, alpha, detach_reset)
        return torch.cat(fired)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        leak, gain, threshold, soft_reset, surrogate, alpha, detach_reset = ctx.settings
        charges = ctx.saved_tensors
        to_inputs: list[Tensor] = []
        to_membrane = None  # dL/dV[t], from the steps after t
        steps = zip(charges, grad.unflatten(0, (len(charges), -1)).unbind(), strict=True)
        for charge, to_spikes in reversed(list(steps)):
            slope = surrogate_derivative(charge - threshold, surrogate, alpha)
            if to_membrane is None:
                to_charge = slope * to_spikes
            else:
                if not detach_reset:  # a spike has also pulled the potential down
                    drop = threshold if soft_reset else charge
                    to_spikes = to_spikes - to_membrane * drop
                stays = to_membrane
                if not soft_reset:
                    stays = stays.masked_fill(charge >= threshold, 0)
                to_charge = torch.addcmul(stays, slope, to_spikes)
            to_inputs.append(to_charge * gain)
            to_membrane = to_charge * leak
        return torch.cat(to_inputs[::-1]), *[None] * 8


def binary_fire_over_time(
    x: Tensor,
    T: int,
    dynamics: BinaryDynamics,
    surrogate: SpikeSurrogate = 'sigmoid',
    alpha: float | None = None,
    detach_reset: bool = False,
) -> Tensor:
    r"""Fire binary spikes over T real time steps: integrate-and-fire, with or without a leak.

    Backward goes through time, with a surrogate for the slope of the spike, and keeps one number
    for each element: the charge.

    Args:
        x: Input current, shape (T*B, ...): time is the slow part of the batch axis.
        T: Number of real time steps.
        dynamics: How the neuron charges, fires and resets.
        surrogate: Slope of a spike in backward, see
            :func:`mmsfa.neurons.functional.surrogate.surrogate_derivative`.
        alpha: Steepness of the surrogate; ``None`` takes its usual one.
        detach_reset: Let no gradient flow through the reset.

    Returns:
        Zeros and ones, shape (T*B, ...), dtype of ``x``; NaN where the charge is.

    Raises:
        ValueError: The batch axis is no multiple of T, or a setting is out of its range.
        TypeError: ``x`` is not a floating-point tensor.
    """
    check_time(T, 0)
    alpha = check_surrogate(surrogate, alpha)
    check_floating(x)
    check_batch(x, T)
    if torch.is_grad_enabled() and x.requires_grad and not is_exporting():
        return _BinaryFireOverTime.apply(x, T, *dynamics, surrogate, alpha, detach_reset)
    membrane, fired = None, []
    for current in x.unflatten(0, (T, -1)).unbind():
        spikes, membrane, _ = binary_fire_one_step(current, membrane, dynamics)
        fired.append(spikes)
    return torch.cat(fired)

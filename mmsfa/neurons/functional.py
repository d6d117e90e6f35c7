"""The only definition of firing in mmsfa: pure functions on tensors.

Spike Firing Approximation (SFA): train with integers ``0..D``, infer with at most ``D`` binary
spikes. Source: Yao et al., "Scaling Spike-driven Transformer with Efficient Spike Firing
Approximation Training" (E-SpikeFormer), https://arxiv.org/abs/2411.16061.

Integrate-and-fire (IF, LIF): the binary neuron that it is compared with, trained directly through
its real time steps. The only thing that is not here is the slope of its surrogate.
"""

from __future__ import annotations

from math import inf
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from .surrogate import SpikeSurrogate, check_surrogate, surrogate_derivative

Rounding = Literal['half_even', 'half_up']
Surrogate = Literal['closed', 'open']

# Older torch (before 2.7) cannot tell, and does not need to: its exporter is another one.
is_exporting = getattr(torch.compiler, 'is_exporting', lambda: False)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return _is_number(value) and isinstance(value, int) and value >= 1


def check_levels(D: int, norm: float | None, rounding: str, surrogate: str) -> float:
    """Check the settings of a neuron and return the divisor of its counts.

    Args:
        D: Number of levels (virtual time steps).
        norm: Divisor of the counts; ``None`` means ``D``.
        rounding: See :func:`integer_fire`.
        surrogate: See :func:`integer_fire`.

    Raises:
        ValueError: One of them is out of its range.
    """
    if not _is_count(D):
        raise ValueError(f'D (the number of virtual steps) must be an integer >= 1, got {D!r}.')
    if norm is not None and not (_is_number(norm) and 0 < norm < inf):
        raise ValueError(f'norm must be None (divide by D) or a number > 0, got {norm!r}.')
    if rounding not in ('half_even', 'half_up'):
        raise ValueError(f"rounding must be 'half_even' or 'half_up', got {rounding!r}.")
    if surrogate not in ('closed', 'open'):
        raise ValueError(f"surrogate must be 'closed' or 'open', got {surrogate!r}.")
    return D if norm is None else norm


def check_time(T: int, beta: float) -> None:
    """Check the settings of the temporal form.

    Args:
        T: Number of real time steps.
        beta: Share of the membrane potential that stays until the next step.

    Raises:
        ValueError: One of them is out of its range.
    """
    if not _is_count(T):
        raise ValueError(f'T (the number of real time steps) must be an integer >= 1, got {T!r}.')
    if not (_is_number(beta) and 0 <= beta <= 1):
        raise ValueError(f'beta (the membrane leak) must lie in [0, 1], got {beta!r}.')


def _check_floating(x: Tensor) -> None:
    if not x.is_floating_point():
        raise TypeError(
            f'A membrane potential must be a floating-point tensor, got {x.dtype}: '
            'convert it with x.float() first.'
        )


def _check_batch(x: Tensor, T: int) -> None:
    if x.shape[0] % T:
        raise ValueError(
            f'The batch axis holds T*B samples, so its size must be a multiple of T={T}, '
            f'got {x.shape[0]}.'
        )


def _round_and_divide(clamped: Tensor, norm: float, rounding: str) -> Tensor:
    """Turn membrane potentials in [0, D] into counts / norm, in place."""
    counts = clamped.round_() if rounding == 'half_even' else clamped.add_(0.5).floor_()
    return counts if norm == 1 else counts.div_(norm)


class _IntegerFire(torch.autograd.Function):
    """Integer firing that keeps one byte per element for the straight-through gradient."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, D: int, norm: float, rounding: str, surrogate: str
    ) -> Tensor:
        clamped = x.clamp(0, D)
        if surrogate == 'closed':
            passes = clamped == x  # a NaN differs from itself: no gradient
        else:
            passes = torch.logical_and(clamped > 0, clamped < D)
        ctx.save_for_backward(passes.view(torch.uint8))
        ctx.norm = norm
        return _round_and_divide(clamped, norm, rounding)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        (passes,) = ctx.saved_tensors
        if grad.is_cpu:  # a CPU converts bytes to floats quickly, but multiplies mixed types slowly
            grad = passes.to(grad.dtype).mul_(grad)
        else:
            grad = grad * passes
        if ctx.norm != 1:
            grad = grad.div_(ctx.norm)
        return grad, None, None, None, None


def integer_fire(
    x: Tensor,
    D: int = 4,
    norm: float | None = None,
    rounding: Rounding = 'half_even',
    surrogate: Surrogate = 'closed',
    inplace: bool = False,
) -> Tensor:
    r"""Fire integers: :math:`y = \mathrm{round}(\mathrm{clamp}(x, 0, D)) / \mathrm{norm}`.

    The gradient is straight-through: ``g / norm`` where x lies in the firing range, else 0.
    Backward keeps one byte per element. A NaN input gives NaN and a zero gradient.

    Args:
        x: Membrane potential, any shape, a floating-point dtype.
        D: Number of levels = largest count = virtual time steps at inference.
        norm: Divisor of the counts. ``None`` divides by D (outputs in [0, 1]), ``1`` leaves
            the integers.
        rounding: What happens at exactly x.5: ``'half_even'`` (the published 5M to 19M models,
            their detectors and segmentors) or ``'half_up'`` (the published 83M and 173M models:
            floor(x + 0.5) in the precision of ``x``, so that the last number below a half is
            rounded up with it).
        surrogate: Firing range of the gradient: ``'closed'`` is 0 <= x <= D (5M to 19M),
            ``'open'`` is 0 < x < D (83M and 173M).
        inplace: Overwrite ``x``, unless its gradient is wanted.

    Returns:
        counts / norm, shape and dtype of ``x``.

    Raises:
        ValueError: A setting is out of its range.
        TypeError: ``x`` is not a floating-point tensor.
    """
    norm = check_levels(D, norm, rounding, surrogate)
    _check_floating(x)
    if torch.is_grad_enabled() and x.requires_grad and not is_exporting():
        return _IntegerFire.apply(x, D, norm, rounding, surrogate)
    overwrite = inplace and not is_exporting()  # an exporter would write the views of x back
    return _round_and_divide(x.clamp_(0, D) if overwrite else x.clamp(0, D), norm, rounding)


def integer_fire_one_step(
    current: Tensor,
    residue: Tensor | None,
    D: int = 4,
    beta: float = 0.25,
    rounding: Rounding = 'half_even',
    surrogate: Surrogate = 'closed',
) -> tuple[Tensor, Tensor]:
    r"""One real time step of :func:`integer_fire_over_time`.

    Args:
        current: Input current of this step, shape (B, ...).
        residue: What the step before has left, U - n; None in the first step.
        D: See :func:`integer_fire`.
        beta: Share of the residue that is still there.
        rounding: See :func:`integer_fire`.
        surrogate: See :func:`integer_fire`.

    Returns:
        Counts in 0..D and the new residue, each of shape (B, ...).
    """
    membrane = current if residue is None else torch.add(current, residue, alpha=beta)
    counts = integer_fire(membrane, D, 1, rounding, surrogate)
    return counts, membrane - counts


def integer_fire_over_time(
    x: Tensor,
    T: int,
    D: int = 4,
    norm: float | None = None,
    beta: float = 0.25,
    rounding: Rounding = 'half_even',
    surrogate: Surrogate = 'closed',
) -> Tensor:
    r"""Fire integers over T real time steps, with leak and soft reset.

    .. math:: U[t] = \beta\,(U[t-1] - n[t-1]) + x[t], \qquad n[t] = \mathrm{fire}(U[t])

    The gradient flows back through time. T = 1 is :func:`integer_fire`, bit for bit.

    Args:
        x: Input current, shape (T*B, ...): time is the slow part of the batch axis.
        T: Number of real time steps.
        D: See :func:`integer_fire`.
        norm: See :func:`integer_fire`.
        beta: Share of the membrane potential that stays until the next step; 0 is stateless,
            which is what the published event-camera model amounts to.
        rounding: See :func:`integer_fire`.
        surrogate: See :func:`integer_fire`.

    Returns:
        counts / norm, shape (T*B, ...).

    Raises:
        ValueError: The batch axis is no multiple of T, or a setting is out of its range.
    """
    check_time(T, beta)
    norm = check_levels(D, norm, rounding, surrogate)
    _check_batch(x, T)
    if T == 1 or beta == 0:
        return integer_fire(x, D, norm, rounding, surrogate)
    residue = None
    counts = []
    for current in x.unflatten(0, (T, -1)).unbind():
        fired, residue = integer_fire_one_step(current, residue, D, beta, rounding, surrogate)
        counts.append(fired)
    fired = torch.cat(counts)
    return fired if norm == 1 else fired.div_(norm)


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
        ctx: FunctionCtx,
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
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
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
            :func:`mmsfa.neurons.surrogate.surrogate_derivative`.
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
    _check_floating(x)
    _check_batch(x, T)
    if torch.is_grad_enabled() and x.requires_grad and not is_exporting():
        return _BinaryFireOverTime.apply(x, T, *dynamics, surrogate, alpha, detach_reset)
    membrane, fired = None, []
    for current in x.unflatten(0, (T, -1)).unbind():
        spikes, membrane, _ = binary_fire_one_step(current, membrane, dynamics)
        fired.append(spikes)
    return torch.cat(fired)


def spike_train(counts: Tensor, D: int) -> Tensor:
    """Expand integer counts into binary spikes over D virtual steps, early first.

    The thermometer code: a neuron with count n fires in the steps 1..n and is silent afterwards.

    Args:
        counts: Integers in 0..D (any dtype), shape (...).
        D: Number of virtual steps.

    Returns:
        Zeros and ones, shape (D, ...), dtype of ``counts``; their sum over D is ``counts``.

    Raises:
        ValueError: A count is no integer in 0..D, or D is no integer >= 1.
    """
    check_levels(D, None, 'half_even', 'closed')
    steps = torch.arange(D, device=counts.device).view(-1, *[1] * counts.dim())
    spikes = (counts > steps).to(counts.dtype)
    if not torch.equal(sum_spikes(spikes), counts):
        raise ValueError(
            f'Counts must be integers in 0..D={D}; multiply normalised outputs by their norm first.'
        )
    return spikes


def sum_spikes(spikes: Tensor) -> Tensor:
    """Add the spikes of all virtual steps: the inverse of :func:`spike_train`.

    Args:
        spikes: Zeros and ones, shape (D, ...).

    Returns:
        Integer counts, shape (...), dtype of ``spikes``.
    """
    return spikes.sum(0, dtype=spikes.dtype)


def simulate_if_neuron(charge: Tensor, D: int, rounding: Rounding = 'half_even') -> Tensor:
    r"""Simulate an integrate-and-fire neuron with soft reset for D virtual steps.

    The whole charge is there at the first step: :math:`v_1 = U`, a spike where :math:`v_d`
    reaches 1/2, then :math:`v_{d+1} = v_d - s_d`. The sum of its spikes is the integer that
    :func:`integer_fire` gives with ``norm=1``. To round halves to even, the threshold is strict
    in odd steps, and a neuron that was silent once stays silent.

    Args:
        charge: Membrane potential U, any shape.
        D: Number of virtual steps.
        rounding: See :func:`integer_fire`.

    Returns:
        Zeros and ones, shape (D, ...), dtype of ``charge``; NaN where the charge is.

    Raises:
        ValueError: D is no integer >= 1, or the rounding is unknown.
    """
    check_levels(D, None, rounding, 'closed')
    spikes = []
    active = torch.ones_like(charge, dtype=torch.bool)
    for step in range(1, D + 1):
        strict = rounding == 'half_even' and step % 2 == 1
        active = active & (charge > 0.5 if strict else charge >= 0.5)
        spikes.append(torch.where(charge.isnan(), charge, active.to(charge.dtype)))
        charge = charge - spikes[-1]
    return torch.stack(spikes)


def integrate_one_step(charge: Tensor, counts: Tensor | None, D: int) -> Tensor:
    """One virtual step of an integrate-and-fire neuron whose charge arrives bit by bit.

    The membrane potential is what has arrived less what was fired (soft reset); where it reaches
    1/2, and fewer than D spikes were emitted, there is one more. A spike cannot be taken back when
    inhibition arrives later, so after D steps the counts may differ from :func:`integer_fire`.

    Args:
        charge: All charge that has arrived until now, any shape.
        counts: Spikes emitted in the steps before, shape of ``charge``; None in the first step.
        D: Largest number of spikes.

    Returns:
        Spikes emitted until now, shape and dtype of ``charge``.
    """
    if counts is None:
        counts = torch.zeros_like(charge)
    return counts + ((charge - counts >= 0.5) & (counts < D)).to(charge.dtype)

"""Spike Firing Approximation (SFA): train with integers 0..D, infer with at most D binary spikes.

Source: Yao et al., "Scaling Spike-driven Transformer with Efficient Spike Firing Approximation
Training" (E-SpikeFormer), https://arxiv.org/abs/2411.16061.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .checks import (
    GradMask,
    GradRange,
    Rounding,
    check_batch,
    check_floating,
    check_grad_mask,
    check_levels,
    check_time,
    is_exporting,
    surrogate_is_grad_range,
)
from .pieces import divide_, pieces
from .stored_spikes import LARGEST_COUNT, are_stored, passes_of, remember, write_codes


def _round_and_divide(clamped: Tensor, norm: float, rounding: str) -> Tensor:
    """Turn membrane potentials in [0, D] into counts / norm, in place."""
    counts = clamped.round_() if rounding == 'half_even' else clamped.add_(0.5).floor_()
    return divide_(counts, norm)


def _compare(how: Callable[..., Tensor], a: Tensor, b: Tensor | float) -> Tensor:
    """A comparison, as bool; as ones and zeros of the dtype of ``a`` where a CPU does it by itself.

    Into floats, a CPU compares four times faster than into bools.
    """
    if torch.compiler.is_compiling() or not a.is_cpu:
        return how(a, b)
    return how(a, b, out=torch.empty_like(a))


def _passes(x: Tensor, clamped: Tensor, D: int, grad_range: str) -> Tensor:
    """Where the gradient passes; nowhere for a NaN, which differs from itself."""
    if grad_range == 'open':
        return _compare(torch.gt, clamped, 0).mul_(_compare(torch.lt, clamped, D))
    return _compare(torch.eq, clamped, x)


class _IntegerFire(torch.autograd.Function):
    """Integer firing that keeps one byte per element for the straight-through gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        D: int,
        norm: float,
        rounding: str,
        grad_range: str,
        masked: bool,
    ) -> Tensor:
        ctx.norm = norm
        stored = D <= LARGEST_COUNT and are_stored()
        out, codes = torch.empty_like(x), torch.empty_like(x, dtype=torch.int8)
        for part, counts, code in pieces(x, out, codes):
            torch.clamp(part, 0, D, out=counts)
            passes = _passes(part, counts, D, grad_range)
            _round_and_divide(counts, 1, rounding)
            if masked:
                passes = passes.mul_(_compare(torch.gt, counts, 0))
            # One format of the byte: gradient checkpointing may compute it anew in another context.
            write_codes(code, counts if stored else None, passes)
            divide_(counts, norm)
        ctx.save_for_backward(codes)
        if stored:
            remember(out, codes, norm)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (codes,) = ctx.saved_tensors
        if not grad.is_cpu:
            return divide_(grad * passes_of(codes), ctx.norm), *[None] * 5
        passed = torch.empty_like(codes, dtype=grad.dtype)
        for part, code, out in pieces(grad, codes, passed):
            # A CPU converts bytes to floats quickly, but multiplies mixed types slowly.
            divide_(out.copy_(passes_of(code)).mul_(part), ctx.norm)
        return passed, *[None] * 5


@surrogate_is_grad_range
def integer_fire(
    x: Tensor,
    D: int = 4,
    norm: float | None = None,
    rounding: Rounding = 'half_even',
    grad_range: GradRange = 'closed',
    inplace: bool = False,
    grad_mask: GradMask | None = None,
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
        grad_range: Firing range of the gradient: ``'closed'`` is 0 <= x <= D (5M to 19M),
            ``'open'`` is 0 < x < D (83M and 173M).
        inplace: Overwrite ``x``, unless its gradient is wanted.
        grad_mask: Anything but None stops the gradient where the count is 0 as well.

    Returns:
        counts / norm, shape and dtype of ``x``.

    Raises:
        ValueError: A setting is out of its range.
        TypeError: ``x`` is not a floating-point tensor.
    """
    norm = check_levels(D, norm, rounding, grad_range)
    check_grad_mask(grad_mask)
    check_floating(x)
    if torch.is_grad_enabled() and x.requires_grad and not is_exporting():
        return _IntegerFire.apply(x, D, norm, rounding, grad_range, grad_mask is not None)
    overwrite = inplace and not is_exporting()  # an exporter would write the views of x back
    return _round_and_divide(x.clamp_(0, D) if overwrite else x.clamp(0, D), norm, rounding)


@surrogate_is_grad_range
def integer_fire_one_step(
    current: Tensor,
    residue: Tensor | None,
    D: int = 4,
    beta: float = 0.25,
    rounding: Rounding = 'half_even',
    grad_range: GradRange = 'closed',
    store: Callable[[Tensor], Tensor] | None = None,
    grad_mask: GradMask | None = None,
    threshold: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    r"""One real time step of :func:`integer_fire_over_time`.

    Args:
        current: Input current of this step, shape (B, ...).
        residue: What the step before has left, U - n; None in the first step.
        D: See :func:`integer_fire`.
        beta: Share of the residue that is still there.
        rounding: See :func:`integer_fire`.
        grad_range: See :func:`integer_fire`.
        store: Residue -> what is kept of it, such as a quantised one; None keeps it as it is.
        grad_mask: ``'fired'`` stops the gradient where the count is 0, but for what flows through
            the residue; ``'fired_cut'`` stops that, too. None is the gradient of ``grad_range``.
        threshold: U (B, ...) -> the potential of one count, broadcastable to it; None is 1.

    Returns:
        Counts in 0..D and the new residue, each of shape (B, ...).
    """
    membrane = current if residue is None else torch.add(current, residue, alpha=beta)
    height = None if threshold is None else threshold(membrane)
    levels = membrane if height is None else membrane * height.reciprocal()
    counts = integer_fire(levels, D, 1, rounding, grad_range, grad_mask=grad_mask)
    residue = membrane - (counts if height is None else counts * height)
    if grad_mask == 'fired_cut':
        residue = residue.detach()
    return counts, residue if store is None else store(residue)


@surrogate_is_grad_range
def integer_fire_over_time(
    x: Tensor,
    T: int,
    D: int = 4,
    norm: float | None = None,
    beta: float = 0.25,
    rounding: Rounding = 'half_even',
    grad_range: GradRange = 'closed',
    store: Callable[[Tensor], Tensor] | None = None,
    grad_mask: GradMask | None = None,
    threshold: Callable[[Tensor], Tensor] | None = None,
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
        grad_range: See :func:`integer_fire`.
        store: See :func:`integer_fire_one_step`.
        grad_mask: See :func:`integer_fire_one_step`.
        threshold: See :func:`integer_fire_one_step`; called once for each step, in their order.

    Returns:
        counts / norm, shape (T*B, ...).

    Raises:
        ValueError: The batch axis is no multiple of T, or a setting is out of its range.
    """
    check_time(T, beta)
    norm = check_levels(D, norm, rounding, grad_range)
    check_batch(x, T)
    if threshold is None and (T == 1 or beta == 0):
        return integer_fire(x, D, norm, rounding, grad_range, grad_mask=grad_mask)
    residue = None
    counts = []
    for step, current in enumerate(x.unflatten(0, (T, -1)).unbind(), start=1):
        if step == T and is_exporting():
            store = None  # nothing reads what the last step leaves, and a graph would compute it
        fired, residue = integer_fire_one_step(
            current, residue, D, beta, rounding, grad_range, store, grad_mask, threshold
        )
        counts.append(fired)
    fired = torch.cat(counts)
    return fired if norm == 1 else fired.div_(norm)

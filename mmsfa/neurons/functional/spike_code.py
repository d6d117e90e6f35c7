"""Counts as binary spikes over D virtual steps."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from .checks import Rounding, check_levels
from .sfa import integer_fire


def spike_train(counts: Tensor, D: int, lowest: int = 0) -> Tensor:
    """Expand integer counts into binary spikes over D virtual steps, early first.

    The thermometer code: a neuron with count n fires in the steps 1..n and is silent afterwards;
    with count -n its n spikes are -1.

    Args:
        counts: Integers in lowest..D (any dtype), shape (...).
        D: Number of virtual steps.
        lowest: 0, or -D for spikes with signs.

    Returns:
        Zeros and ones (and minus ones), shape (D, ...), dtype of ``counts``; their sum over D is
        ``counts``.

    Raises:
        ValueError: A count is no integer in lowest..D, or D is no integer >= 1.
    """
    check_levels(D, None, 'half_even', 'closed')
    steps = torch.arange(D, device=counts.device).view(-1, *[1] * counts.dim())
    spikes = spikes_at(counts, steps, lowest)
    if not torch.equal(sum_spikes(spikes), counts):
        raise ValueError(
            f'Counts must be integers in {lowest}..D={D}; multiply normalised outputs by their '
            'norm first.'
        )
    return spikes


def spikes_at(counts: Tensor, step: float | Tensor, lowest: int = 0) -> Tensor:
    """Those spikes of :func:`spike_train` that are emitted in one virtual step, or in several.

    Args:
        counts: Integers in lowest..D, shape (...); not checked. They may be divided by a norm, if
            the step is, too.
        step: 0..D-1, or a tensor of them that is broadcast; step + 1/2 gives the same.
        lowest: 0, or -D for spikes with signs.

    Returns:
        Zeros and ones (and minus ones), dtype of ``counts``.
    """
    spikes = (counts > step).to(counts.dtype)
    return spikes - (counts < -step).to(counts.dtype) if lowest else spikes


def sum_spikes(spikes: Tensor) -> Tensor:
    """Add the spikes of all virtual steps: the inverse of :func:`spike_train`.

    Args:
        spikes: Zeros and ones, shape (D, ...).

    Returns:
        Integer counts, shape (...), dtype of ``spikes``.
    """
    return spikes.sum(0, dtype=spikes.dtype)


def simulate_if_neuron(charge: Tensor, D: int, rounding: Rounding = 'half_even') -> Tensor:
    """Deprecated: the :func:`spike_train` of :func:`integer_fire`, which give the same spikes.

    Args:
        charge: Membrane potential U, any shape.
        D: Number of virtual steps.
        rounding: See :func:`integer_fire`.

    Returns:
        Zeros and ones, shape (D, ...), dtype of ``charge``; NaN where the charge is.
    """
    warnings.warn(
        'simulate_if_neuron is deprecated: spike_train(integer_fire(charge, D, norm=1), D) gives '
        'the same spikes.',
        DeprecationWarning,
        stacklevel=2,
    )
    spikes = spike_train(integer_fire(charge.nan_to_num(0.0), D, 1, rounding), D)
    return torch.where(charge.isnan(), charge, spikes)


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


def level_shifts(D: int, rounding: str, dtype: np.dtype) -> tuple[np.ndarray, np.floating]:
    """An integer neuron as D comparisons: what each level adds, and the threshold of all.

    :func:`integer_fire` reaches count d at the potential d - 1/2. Level d = 1..D sees
    U - (d - 3/4), so that its edge lies at 1/4, where the subtraction is exact, and the threshold
    lies between two of its results: the levels that fire are those of :func:`integer_fire` for
    every U, ties included.

    Args:
        D: Number of levels.
        rounding: ``'half_even'`` or ``'half_up'``, see :func:`integer_fire`.
        dtype: Precision of the comparison, float32 or float64.

    Returns:
        Shifts of shape (D,), and the threshold; level d fires where ``U + shift[d - 1]`` lies
        above it.
    """
    shifts = -(np.arange(1, D + 1) - 0.75).astype(dtype)
    step = np.finfo(dtype).eps / 4  # the distance of 1/2 to the number before it
    if rounding == 'half_up':
        # floor(U + 1/2) also rounds the number before 1/2 up, but not the second before it.
        return shifts, 0.25 - 1.5 * step
    # An odd level stays silent at its edge itself: seen from there, U is one step smaller.
    lower = np.nextafter(shifts, np.array(-np.inf, dtype))
    return np.where(np.arange(1, D + 1) % 2 == 1, lower, shifts), 0.25 - 0.5 * step

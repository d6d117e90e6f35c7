"""Counts as binary spikes over D virtual steps, and the neurons that would emit them."""

from __future__ import annotations

import torch
from torch import Tensor

from .checks import Rounding, check_levels


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
    spikes = (counts > steps).to(counts.dtype)
    if lowest:
        spikes = spikes - (counts < -steps).to(counts.dtype)
    if not torch.equal(sum_spikes(spikes), counts):
        raise ValueError(
            f'Counts must be integers in {lowest}..D={D}; multiply normalised outputs by their '
            'norm first.'
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

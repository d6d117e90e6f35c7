"""The recursion of a ternary neuron with a leak of one half, in whole numbers and shifts."""

from __future__ import annotations

import torch
from torch import Tensor

from .ternary import ternary_spikes


def halved(x: Tensor, shift: Tensor | int) -> Tensor:
    r"""Divide by 2^shift and round half to even, with additions and shifts for integers.

    Args:
        x: Whole numbers, of an integer or a floating type.
        shift: >= 1, a number or integers broadcastable to ``x``.

    Returns:
        Whole numbers, dtype of ``x``.
    """
    if x.is_floating_point():
        return torch.ldexp(x, -torch.as_tensor(shift, device=x.device)).round()
    half = 1 << (torch.as_tensor(shift, dtype=x.dtype, device=x.device) - 1)
    return (x + half - 1 + ((x >> shift) & 1)) >> shift


def integer_ternary_over_time(
    drive: Tensor, threshold: Tensor | int, shift: Tensor | int, bits: int
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Ternary firing with a leak of 1/2 in whole numbers.

    With weights in units of :math:`\alpha_w` and membranes in units of
    :math:`\alpha_u = 2^k \alpha_w`:

    .. math:: u = 2^{k-1} m + w \cdot s_{in}, \qquad s = [u \ge \theta] - [u \le -\theta], \qquad
        m = \mathrm{clip}(\mathrm{round}((u - \theta s) / 2^k), \pm(2^{b-1} - 1))

    Integer and floating types give the same numbers, as long as the latter hold them (2^24 in
    float32). The two scales are **a reconstruction of ours**.

    Args:
        drive: :math:`w \cdot s_{in}` of each step, perhaps with a bias; whole numbers, (T, B, ...).
        threshold: :math:`\theta` >= 1 in the same units, broadcastable to a step.
        shift: k >= 1, broadcastable to a step.
        bits: b of a stored membrane.

    Returns:
        Spikes, charges u and stored membranes m, each (T, B, ...), dtype of ``drive``.
    """
    largest = 2 ** (bits - 1) - 1
    scale = 1 << (torch.as_tensor(shift, device=drive.device) - 1)
    scale = scale.to(drive.dtype)
    membrane = torch.zeros_like(drive[0])
    steps = []
    for current in drive:
        charge = membrane * scale + current
        spikes = ternary_spikes(charge, threshold)
        membrane = halved(charge - threshold * spikes, shift).clamp(-largest, largest)
        steps.append((spikes, charge, membrane))
    spikes, charges, membranes = (torch.stack(found) for found in zip(*steps, strict=True))
    return spikes, charges, membranes

"""The mix over time of the saccadic neuron: a lower triangular matrix, one step after the other."""

from __future__ import annotations

import torch
from torch import Tensor


def initial_mix(T: int, past: float) -> Tensor:
    r"""A matrix that begins near the identity: :math:`M_{ts} = past^{t-s}` for s <= t, else 0.

    It is a leaky integrator without a reset, which keeps the share ``past`` of each step.

    Args:
        T: Number of real time steps.
        past: 0 is the identity.

    Returns:
        Shape (T, T).
    """
    steps = torch.arange(T)
    distance = (steps[:, None] - steps).clamp(min=0)
    return torch.tensor(float(past)).pow(distance).tril()


def causal_mix(x: Tensor, mix: Tensor, step: int | None = None) -> Tensor:
    r""":math:`H_t = \sum_{s \le t} M_{ts} x_s`, added up in the order of time.

    The order is the same for all steps at once and for one of them alone, so a stream gives the
    same bits.

    Args:
        x: What has arrived, shape (T, ...); with ``step`` only the first step + 1 are read.
        mix: The matrix M, shape (T, T). What stands above its diagonal is not read and gets no
            gradient.
        step: The step that is asked for, from 0 on; None gives all of them.

    Returns:
        Shape (T, ...), or (...) for one step.
    """
    mix = mix.tril()
    if step is not None:
        mix, x = mix[step], x[: step + 1]
    spread = [1] * (x.dim() - 1)
    charge = mix[..., 0].reshape(-1, *spread) * x[0]
    for s in range(1, len(x)):
        charge = charge + mix[..., s].reshape(-1, *spread) * x[s]
    return charge if step is None else charge.squeeze(0)


def decoupled_threshold(mix: Tensor, threshold: Tensor) -> Tensor:
    r"""The thresholds :math:`M^{-1} V` of the rule that looks at one step alone.

    Args:
        mix: Lower triangle, shape (T, T), no zero on its diagonal.
        threshold: Shape (T,).

    Returns:
        Shape (T,).
    """
    solved: list[Tensor] = []
    for t, row in enumerate(mix.tril()):
        rest = threshold[t]
        for s, value in enumerate(solved):
            rest = rest - row[s] * value
        solved.append(rest / row[t])
    return torch.stack(solved)

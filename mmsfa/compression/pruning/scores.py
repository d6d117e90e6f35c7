"""What channels are worth: the published score of spike maps, and others to compare it with.

Source of `svs` and `sca`: Wei et al., QP-SNN, https://arxiv.org/abs/2502.05905.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsfa.neurons import IF, SpikingNeuron

EPS = 1e-6


def mean_over_steps(output: Tensor, T: int) -> Tensor:
    """(T*B, ...) -> (B, ...), float64: what is a spike or two must not be rounded away."""
    return output.detach().double().unflatten(0, (T, -1)).mean(0)


def singular_values(maps: Tensor) -> Tensor:
    """Singular values of maps (..., H, W) -> (..., min(H, W)), largest first.

    In float64: the zeros of float32 lie above the threshold of the score.
    """
    return torch.linalg.svdvals(maps.double())


def singular_value_score(maps: Tensor, eps: float = EPS, max_size: int | None = None) -> Tensor:
    """The rank of each spike map: how many of its singular values lie above ``eps``.

    Args:
        maps: Means over time, (B, C, H, W); (B, C) and (B, C, N) count as maps of one row.
        eps: A value above counts.
        max_size: Larger maps are averaged down to this many rows and columns: a decomposition
            takes the third power of the size. Ours; None is as published.

    Returns:
        (B, C).
    """
    maps = maps.flatten(3) if maps.dim() > 4 else maps
    while maps.dim() < 4:
        maps = maps.unsqueeze(2)
    if max_size is not None and max(maps.shape[-2:]) > max_size:
        height, width = (min(side, max_size) for side in maps.shape[-2:])
        maps = F.adaptive_avg_pool2d(maps, (height, width))
    return (singular_values(maps) > eps).sum(-1).double()


def potential_score(potential: Tensor) -> Tensor:
    """The L1 norm of the potentials before they fire, (B, C, ...) -> (B, C)."""
    return potential.detach().double().abs().unsqueeze(-1).flatten(2).sum(2)


def charge_of(neuron: nn.Module, x: Tensor) -> Tensor:
    """The potential that a neuron compares with its threshold, (T*B, ...) -> (T*B, ...).

    Of a binary neuron it is the charge of each step, of others the input.
    """
    if not isinstance(neuron, IF):
        return x
    membrane, charges = None, []
    for current in x.detach().unflatten(0, (neuron.T, -1)).unbind():
        kept = 0.0 if membrane is None else membrane * neuron.dynamics.leak
        charges.append(kept + current * neuron.dynamics.gain)
        membrane = neuron.fire_one_step(current, membrane)[1]
    return torch.cat(charges)


def steps_of(module: nn.Module) -> int:
    """Real time steps in the batch axis of what a module gives."""
    return module.T if isinstance(module, SpikingNeuron) else 1

"""Max pooling of spikes: what comes out is spikes again."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsfa.neurons import SpikingNeuron

from .attention.product import SpikeProduct


class SpikeMaxPool2d(SpikeProduct):
    """The largest count of each window; its spikes are those of the neuron in front.

    Neither weights nor additions: a place fires in a step if anything in its window does.

    Args:
        neuron: What it reads, a neuron or an ordinary activation; it stays a child of its owner.
        kernel_size: Size and stride of the windows.

    Shape:
        - Input: (T*B, C, H, W), counts / norm.
        - Output: (T*B, C, H // kernel_size, W // kernel_size), counts / norm.
    """

    def __init__(self, neuron: nn.Module, kernel_size: int = 2) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.reads(neuron, emitter=neuron if isinstance(neuron, SpikingNeuron) else None)

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        return F.max_pool2d(x, self.kernel_size)

    def stepwise(self, *inputs: Tensor) -> Tensor:
        """The same: spikes come early first, so that the largest count has all steps of others."""
        (x,) = inputs
        return F.max_pool2d(x, self.kernel_size)

    def macs(self, *inputs: Tensor) -> int:
        """None."""
        return 0

    def additions(self, *inputs: Tensor) -> Tensor:
        """None."""
        return torch.zeros((), dtype=torch.float64, device=inputs[0].device)

    def extra_repr(self) -> str:
        """Settings that ``print(model)`` shows."""
        return f'kernel_size={self.kernel_size}'


def spike_pool(kind: Any, neuron: nn.Module) -> nn.Module:
    """A pooling of 2 x 2 behind a neuron.

    Args:
        kind: ``'M'`` takes the largest, which are spikes again; ``'A'`` the mean: real values, and
            the layer behind multiplies.
        neuron: What fires in front of it.

    Raises:
        ValueError: It is neither.
    """
    if kind == 'M':
        return SpikeMaxPool2d(neuron)
    if kind == 'A':
        return nn.AvgPool2d(2)
    raise ValueError(f"A pooling must be 'M' (max) or 'A' (mean), got {kind!r}.")

"""Max pooling of spikes: what comes out is spikes again."""

from __future__ import annotations

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
        kernel_size: Size of the windows.
        stride: Of the windows; None takes their size.
        padding: At each border.

    Shape:
        - Input: (T*B, C, H, W), counts / norm.
        - Output: (T*B, C, H', W'), counts / norm.
    """

    def __init__(
        self, neuron: nn.Module, kernel_size: int = 2, stride: int | None = None, padding: int = 0
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.reads(neuron, emitter=neuron if isinstance(neuron, SpikingNeuron) else None)

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        return self._pooled(x)

    def stepwise(self, *inputs: Tensor) -> Tensor:
        """The same: spikes come early first, so that the largest count has all steps of others."""
        return self._pooled(*inputs)

    def _pooled(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, self.kernel_size, self.stride, self.padding)

    def macs(self, *inputs: Tensor) -> int:
        """None."""
        return 0

    def additions(self, *inputs: Tensor) -> Tensor:
        """None."""
        return torch.zeros((), dtype=torch.float64, device=inputs[0].device)

    def extra_repr(self) -> str:
        """Settings that ``print(model)`` shows."""
        return f'kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}'

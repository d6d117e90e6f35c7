"""Which tensors are spike counts, straight from a neuron."""

from __future__ import annotations

import torch
from torch import Tensor

from mmsfa.neurons import SpikingNeuron


class Emission:
    """A mark on the output of a neuron.

    The mark is on this very tensor: what is computed from it (a sum, a resized map) is a real value
    again, and so is the tensor itself once somebody has overwritten it.

    Attributes:
        neuron: The neuron that fired.
        spikes: In a spike-driven pass the binary spikes, shape (D, *output), bool; else None.
    """

    def __init__(self, neuron: SpikingNeuron, output: Tensor, spikes: Tensor | None = None) -> None:
        self.neuron = neuron
        self.spikes = spikes
        self._version = output._version
        self._plane: Tensor | None = None
        output.mmsfa_emission = self

    @classmethod
    def of(cls, tensor: Tensor) -> Emission | None:
        """The mark of a tensor, or None for real values."""
        mark = getattr(tensor, 'mmsfa_emission', None)
        return mark if mark is not None and mark._version == tensor._version else None

    def plane(self, output: Tensor) -> Tensor:
        """Spikes at each place of the map, summed over batch and channels.

        Computed once, because the statistics of a neuron and the operations of each layer behind it
        ask for it.

        Args:
            output: The marked tensor, counts / norm, shape (N, C, *space) or (..., C).

        Returns:
            Shape (*space), or () for features without space; float64, whole numbers.
        """
        if self._plane is None:
            axes = (0, 1) if output.dim() > 3 else tuple(range(output.dim()))
            dtype = torch.float64 if output.dtype == torch.float64 else torch.float32
            counts = output.detach().sum(axes, dtype=dtype).double() * self.neuron.norm
            self._plane = counts.round_()
        return self._plane

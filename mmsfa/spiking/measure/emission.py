"""Which tensors are spike counts, straight from a neuron."""

from __future__ import annotations

from torch import Tensor

from mmsfa.neurons import SpikingNeuron


class Emission:
    """A mark on the output of a neuron.

    The mark is on this very tensor: what is computed from it (a sum, a resized map) is a real value
    again, and so is the tensor itself once somebody has overwritten it.

    Attributes:
        neuron: The neuron that fired.
        spikes: In a spike-driven pass the spikes, shape (D, *output), bool, or int8 where they have
            signs; else None.
    """

    def __init__(self, neuron: SpikingNeuron, output: Tensor, spikes: Tensor | None = None) -> None:
        self.neuron = neuron
        self.spikes = spikes
        self._version = version_of(output)
        self._planes: dict[int, Tensor] = {}
        output.mmsfa_emission = self  # type: ignore[attr-defined]  # on this very tensor

    @classmethod
    def of(cls, tensor: Tensor) -> Emission | None:
        """The mark of a tensor, or None for real values."""
        mark = getattr(tensor, 'mmsfa_emission', None)
        return mark if mark is not None and mark._version == version_of(tensor) else None

    @classmethod
    def at(cls, neuron: SpikingNeuron, output: Tensor) -> Emission:
        """The mark of what a neuron has just fired; a spike-driven pass has made it already."""
        return cls.of(output) or cls(neuron, output)

    def total(self, output: Tensor) -> Tensor:
        """All spikes of the marked tensor, a float64 scalar."""
        planes = self._planes or {0: self.plane(output, max(output.dim() - 2, 0))}
        return next(iter(planes.values())).sum()

    def plane(self, output: Tensor, space: int) -> Tensor:
        """Spikes at each place of the map, summed over batch and channels.

        Computed once, because the statistics of a neuron and the operations of each layer behind it
        ask for it.

        Args:
            output: The marked tensor, counts / norm, shape (..., *space).
            space: How many of the last axes are places; for features without places 0.

        Returns:
            Shape (*space); float64, whole numbers.
        """
        if space not in self._planes:
            axes = tuple(range(output.dim() - space))
            self._planes[space] = self.neuron.total_of(output, axes)
        return self._planes[space]


def version_of(tensor: Tensor) -> int:
    """How often a tensor was overwritten; inference tensors do not tell."""
    return 0 if tensor.is_inference() else tensor._version

"""What every neuron emits, streamed over a data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mmsfa.neurons import SpikingNeuron

from .observer import neurons_of
from .stages import stage_of

SATURATED = 0.99  # a neuron layer with a higher firing rate hands on next to nothing


@dataclass(frozen=True)
class NeuronStatistics:
    """Statistics of one neuron layer over all pictures.

    Attributes:
        name: Its place in the model.
        stage: Part, and in the backbone stage, that it belongs to.
        D: Number of virtual steps.
        firing_rate: Mean number of spikes / D.
        nonzero: Share of outputs that fire at all.
        histogram: Share of outputs with each count lowest..D.
        saturation: Share of outputs with D spikes.
        channels: Number of channels.
        dead_channels: Channels that never fired.
        outputs: Number of outputs that were counted.
        capacity: The largest number of spikes that they could hold.
    """

    name: str
    stage: str
    D: int
    firing_rate: float
    nonzero: float
    histogram: list[float]
    saturation: float
    channels: int
    dead_channels: int
    outputs: int
    capacity: float

    def asdict(self) -> dict[str, Any]:
        """As plain types."""
        return asdict(self)


class StatisticsCounter:
    """Collects count histograms and channel sums; activations are never kept.

    Hand `count` to `observe`.

    Args:
        model: Any model.
    """

    def __init__(self, model: nn.Module) -> None:
        self.neurons = neurons_of(model)
        # name -> outputs with each count; name -> spikes of each channel; both in execution order
        self.histograms: dict[str, Tensor] = {}
        self.channels: dict[str, Tensor] = {}

    def count(self, name: str, neuron: SpikingNeuron, output: Tensor) -> None:
        """Count one call of a neuron: maps (N, C, H, W), tokens (N, L, C) or features (N, C)."""
        histogram = neuron.histogram_of(output)
        channel_axis = 1 if output.dim() > 3 else output.dim() - 1
        axes = tuple(axis for axis in range(output.dim()) if axis != channel_axis)
        channels = neuron.integers_of(output).abs().sum(axes, dtype=torch.int64)
        if name in self.histograms:
            self.histograms[name] += histogram
            self.channels[name] += channels
        else:
            self.histograms[name], self.channels[name] = histogram, channels

    def layers(self) -> list[NeuronStatistics]:
        """Statistics of each neuron that ran, in the order of execution."""
        return [self._summary(name) for name, seen in self.histograms.items() if seen.sum()]

    def _summary(self, name: str) -> NeuronStatistics:
        shares = (self.histograms[name].double() / self.histograms[name].sum()).tolist()
        neuron = self.neurons[name]
        spikes = neuron.spikes_of_bins()
        outputs = int(self.histograms[name].sum())
        return NeuronStatistics(
            name=name,
            stage=stage_of(name),
            D=neuron.D,
            firing_rate=neuron.rate_of_histogram(shares),
            nonzero=1 - shares[spikes.index(0)],
            histogram=shares,
            saturation=sum(s for n, s in zip(spikes, shares, strict=True) if n == max(spikes)),
            channels=len(self.channels[name]),
            dead_channels=int((self.channels[name] == 0).sum()),
            outputs=outputs,
            capacity=neuron.capacity_of(outputs),
        )

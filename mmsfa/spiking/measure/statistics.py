"""What every neuron emits, streamed over a data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mmsfa.neurons import SpikingNeuron

from .emission import as_counts
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
        firing_rate: Mean count / D.
        nonzero: Share of outputs that fire at all.
        histogram: Share of outputs with each count 0..D.
        saturation: Share of outputs at D.
        channels: Number of channels.
        dead_channels: Channels that never fired.
        outputs: Number of outputs that were counted.
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
        self.levels = {name: neuron.D for name, neuron in neurons_of(model).items()}
        # name -> outputs with each count; name -> spikes of each channel; both in execution order
        self.histograms: dict[str, Tensor] = {}
        self.channels: dict[str, Tensor] = {}

    def count(self, name: str, neuron: SpikingNeuron, output: Tensor) -> None:
        """Count one call of a neuron: maps (N, C, H, W), tokens (N, L, C) or features (N, C)."""
        counts = as_counts(output, neuron)
        histogram = torch.bincount(counts.flatten(), minlength=neuron.D + 1)
        channel_axis = 1 if counts.dim() > 3 else counts.dim() - 1
        axes = tuple(axis for axis in range(counts.dim()) if axis != channel_axis)
        channels = counts.sum(axes, dtype=torch.int64)
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
        D = self.levels[name]
        return NeuronStatistics(
            name=name,
            stage=stage_of(name),
            D=D,
            firing_rate=sum(n * share for n, share in enumerate(shares)) / D,
            nonzero=1 - shares[0],
            histogram=shares,
            saturation=shares[D],
            channels=len(self.channels[name]),
            dead_channels=int((self.channels[name] == 0).sum()),
            outputs=int(self.histograms[name].sum()),
        )

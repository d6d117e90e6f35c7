"""Firing rates counted from outside, by forward hooks; no activation is ever kept."""

from __future__ import annotations

from contextlib import ExitStack

from torch import Tensor, nn

from mmsfa.neurons import SpikingNeuron

from .emission import Emission
from .observer import neurons_of, observe
from .stages import in_model_order, stage_of
from .totals import Totals


class FiringRateCounter:
    """Counts the spikes of every spiking neuron while a model runs.

    The rate of a neuron, a stage or the whole model is *emitted spikes / possible spikes*, where
    each element of each output can emit D. So a large feature map weighs more than a small one,
    as it does in the energy it costs.

    Args:
        model: Any model; those without a `SpikingNeuron` have no rates.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.totals = Totals(list(neurons_of(model)), width=2)  # emitted, possible
        self._open = ExitStack()

    def attach(self) -> None:
        """Start counting."""
        self.detach()
        self._open.enter_context(observe(self.model, neuron=self.count))

    def detach(self) -> None:
        """Stop counting; the model is as it was before."""
        self._open.close()

    def count(self, name: str, neuron: SpikingNeuron, output: Tensor) -> None:
        """Count one call of a neuron."""
        emitted = Emission.at(neuron, output).total(output)
        self.totals.add(name, emitted, neuron.capacity_of(output))

    def layer_totals(self) -> dict[str, tuple[float, float]]:
        """(emitted, possible) of each neuron that ran, summed over all ranks."""
        totals = self.totals.over_all_ranks()
        return {name: (emitted, all_) for name, (emitted, all_) in totals.items() if all_ > 0}

    def rates(self, per_layer: bool = False) -> dict[str, float]:
        """Firing rates in [0, 1].

        Args:
            per_layer: Add one entry for each neuron, by its full name.

        Returns:
            ``mean``, one entry for each stage and perhaps each neuron, in the model's order; empty
            when nothing was counted. Neurons that never ran are left out.
        """
        layers = self.layer_totals()
        sums: dict[str, tuple[float, float]] = {}
        for name, (emitted, possible) in layers.items():
            for group in ('mean', stage_of(name)):
                old = sums.get(group, (0.0, 0.0))
                sums[group] = (old[0] + emitted, old[1] + possible)
        ordered = {group: sums[group] for group in in_model_order(sums)}
        if per_layer:
            ordered |= layers
        return {name: emitted / possible for name, (emitted, possible) in ordered.items()}

"""Which neurons stay silent, or full, in the batches of a validation that nobody counts."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor, nn

from mmsfa.neurons import SpikingNeuron
from mmsfa.spiking.measure.emission import Emission
from mmsfa.spiking.measure.observer import neurons_of, observe
from mmsfa.spiking.measure.statistics import SATURATED
from mmsfa.spiking.measure.totals import Totals


class IdleWatch:
    """Watches each neuron until a batch shows that it works: mostly one batch, then no more.

    Args:
        model: Any model.
    """

    def __init__(self, model: nn.Module) -> None:
        self.suspects = neurons_of(model)
        self.totals = Totals(list(self.suspects), width=2)  # emitted, possible
        self._batch: dict[str, list[Tensor]] = {}
        self._open = ExitStack()

    def attach(self) -> None:
        """Watch the next batch; no hook where no neuron is in doubt."""
        for name, neuron in self.suspects.items():
            self._open.enter_context(observe(neuron, neuron=partial(self._count, name)))

    def detach(self) -> None:
        """Stop watching, and those that work for good; waits for the device if any is watched."""
        self._open.close()
        if self._batch:
            rates = torch.stack([sum(r[1:], r[0]) / len(r) for r in self._batch.values()]).tolist()
            for name, rate in zip(self._batch, rates, strict=True):
                if 0 < rate <= SATURATED:
                    del self.suspects[name]
            self._batch = {}

    def _count(self, name: str, _: str, neuron: SpikingNeuron, output: Tensor) -> None:
        emitted = Emission.at(neuron, output).total(output)
        possible = neuron.capacity_of(output)
        self.totals.add(name, emitted, possible)
        self._batch.setdefault(name, []).append(emitted / possible)

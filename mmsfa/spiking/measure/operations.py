"""Operations of every layer while a model runs."""

from __future__ import annotations

from contextlib import ExitStack
from typing import NamedTuple

from torch import Tensor, nn

from mmsfa.layers.attention import SpikeProduct

from .emission import Emission
from .fan_out import additions, macs
from .linearity import adds_up
from .observer import Synapse, merged_synapses_of, observe, products_of
from .totals import Totals


class Operations(NamedTuple):
    """What one layer has done.

    Attributes:
        macs: Multiply-accumulates of the ordinary network.
        analog_macs: Those that remain, because real values arrived.
        acs: Additions that spikes set off (SOPs).
    """

    macs: float = 0.0
    analog_macs: float = 0.0
    acs: float = 0.0


class OperationCounter:
    """Counts MACs and additions of every convolution, linear layer and product of spikes.

    Convolutions that are merged for inference (RepConv) count as the one that they become. A layer
    that gets real values, as the picture or the potentials that a read-out reads, counts as analog:
    its operations stay multiply-accumulates, and so do those of one that is not linear in its input
    and thus cannot take single spikes. BN is folded and residual additions are not counted,
    as published.

    Args:
        model: Any model.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        names = {*merged_synapses_of(model), *products_of(model)}
        in_order = [name for name, _ in model.named_modules() if name in names]
        self.totals = Totals(in_order, width=3)
        self.order: list[str] = []  # of execution
        self.nonlinear: set[str] = set()  # layers that spikes arrive at
        self._open = ExitStack()

    def attach(self) -> None:
        """Start counting."""
        self.detach()
        self._open.enter_context(
            observe(self.model, synapse=self.count_synapse, product=self.count_product)
        )

    def detach(self) -> None:
        """Stop counting; the model is as it was before."""
        self._open.close()

    def count_synapse(self, name: str, layer: Synapse, x: Tensor, output: Tensor) -> None:
        """Count one call of a convolution or linear layer."""
        emission = Emission.of(x)
        dense = float(macs(layer, x, output))
        if emission is not None and not adds_up(layer, x):
            self.nonlinear.add(name)
            emission = None
        if emission is None:
            self._add(name, dense, dense, 0.0)
        else:
            self._add(name, dense, 0.0, additions(layer, emission, x, output))

    def count_product(self, name: str, product: SpikeProduct, inputs: tuple[Tensor, ...]) -> None:
        """Count one product of spikes with spikes."""
        dense = float(product.macs(*inputs))
        if product.gets_spikes:
            self._add(name, dense, 0.0, product.additions(*inputs))
        else:
            self._add(name, dense, dense, 0.0)

    def _add(self, name: str, *values: Tensor | float) -> None:
        if name not in self.order:
            self.order.append(name)
        self.totals.add(name, *values)

    def layers(self) -> dict[str, Operations]:
        """Operations of each layer that ran on any process, in the order of execution here."""
        found = {n: Operations(*row) for n, row in self.totals.over_all_ranks().items() if row[0]}
        place = {name: i for i, name in enumerate(self.order)}
        return dict(sorted(found.items(), key=lambda item: place.get(item[0], len(place))))

"""Compare the forms of inference of one model, count by count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmsfa.neurons import SpikingNeuron

from .agreement import Agreement
from .inference.spike_inference import Mode, spike_inference
from .measure.emission import Emission
from .measure.observer import observe
from .measure.uncounted import not_run, uncounted
from .proposals import ProposalOrder
from .real_inputs import RealInput, real_inputs


@dataclass
class LayerDifference:
    """Counts of one neuron layer in two forms of inference.

    Attributes:
        name: The neuron.
        counts: Number of counts that were compared.
        flipped: How many of them differ.
        largest: Largest difference of a count.
        not_comparable: Counts of calls whose shapes differ, as behind other proposals.
    """

    name: str
    counts: int = 0
    flipped: int = 0
    largest: int = 0
    not_comparable: int = 0

    @property
    def share(self) -> float:
        """Share of counts that differ; those that cannot be compared are left out."""
        return self.flipped / self.counts if self.counts else 0.0


@dataclass
class Equivalence:
    """What `compare` has found.

    Attributes:
        mode: The form that was compared with ``'integer'``.
        pictures: Number of pictures.
        layers: One entry for each neuron that ran, in the order of execution.
        predictions: Agreement of everything that the model predicts.
        analog: Layers that got real values in the spiking form, and what these are: see
            :func:`mmsfa.spiking.real_inputs.real_inputs`.
        uncounted: What multiplies, or takes spikes in any other way, and is neither convolution,
            linear layer nor `SpikeProduct`.
        not_run: Neurons and layers that no picture has reached: nothing is proved of them.
    """

    mode: str
    pictures: int = 0
    layers: list[LayerDifference] = field(default_factory=list)
    predictions: Agreement = field(default_factory=Agreement)
    analog: dict[str, RealInput] = field(default_factory=dict)
    uncounted: list[str] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)

    @property
    def identical(self) -> bool:
        """Whether all counts and all outputs of the model are the same, of one layer at least."""
        counts = all(layer.flipped == layer.not_comparable == 0 for layer in self.layers)
        return bool(self.layers) and counts and self.predictions.identical

    def asdict(self) -> dict[str, Any]:
        """As plain types, for JSON."""
        found = asdict(self) | dict(identical=self.identical)
        for row, layer in zip(found['layers'], self.layers, strict=True):
            row['share'] = layer.share
        found['predictions']['identical'] = self.predictions.identical
        return found


def compare(model: BaseModel, batches: Iterable[dict], mode: Mode = 'spikes') -> Equivalence:
    """Run each batch as integers and in another form, and compare all counts and predictions.

    Every pass starts from the same random numbers, for heads that draw some.

    The counts of one batch are kept at a time, one byte each up to D = 255. TF32 is off meanwhile:
    its rounding would flip far more counts than the order of a sum does.

    Behind a detector's proposals regions are compared one by one. The same proposals in another
    order get that of the integer pass; where others are proposed, as in float32 or in an
    approximation, that shows more differences than there are.

    Args:
        model: A detector, segmentor or classifier in evaluation mode.
        batches: What its data loader gives.
        mode: See :func:`mmsfa.spiking.inference.spike_inference`.
    """
    found = Equivalence(mode)
    nameless: dict[str, None] = {}
    layers: dict[str, LayerDifference] = {}
    got_real: dict[str, bool] = {}
    nonlinear: set[str] = set()

    def received(name: str, layer: nn.Module, x: Tensor, output: Tensor) -> None:
        got_real[name] = got_real.get(name, False) or Emission.of(x) is None
        if getattr(layer.forward, 'reads_counts', False):
            nonlinear.add(name)

    for batch in batches:
        integer, other, order = _Recording(), _Recording(), ProposalOrder(model)
        with torch.no_grad(), _without_tf32():
            with _own_random_numbers(), uncounted(model) as products:  # alone: observers multiply
                model.test_step(deepcopy(batch))
            nameless.update(dict.fromkeys(products))
            with _own_random_numbers(), order.kept(), observe(model, neuron=integer.add):
                expected = model.test_step(deepcopy(batch))
            with (
                _own_random_numbers(),
                order.repeated(),
                spike_inference(model, mode),
                observe(model, other.add, received),
            ):
                samples = model.test_step(deepcopy(batch))
        for name, calls in integer.calls.items():
            layer = layers.setdefault(name, LayerDifference(name))
            _add(layer, calls, other.calls.get(name, []))
        for first, second in zip(expected, samples, strict=True):
            found.predictions.add(first, second)
            found.pictures += 1
    found.uncounted = list(nameless)
    found.layers = list(layers.values())
    found.analog = real_inputs(model, got_real, nonlinear)
    found.not_run = not_run(model, layers, got_real)
    return found


def _own_random_numbers() -> AbstractContextManager:
    """Each pass draws the same: mmseg's hamburger begins with random bases."""
    cuda = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    return torch.random.fork_rng(devices=cuda)


@contextmanager
def _without_tf32() -> Iterator[None]:
    backends: tuple[Any, ...] = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = False
    try:
        yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed


class _Recording:
    """The counts of every call of every neuron in one pass."""

    def __init__(self) -> None:
        self.calls: dict[str, list[Tensor]] = {}

    def add(self, name: str, neuron: SpikingNeuron, output: Tensor) -> None:
        counts = neuron.integers_of(output)
        self.calls.setdefault(name, []).append(counts)


def _add(layer: LayerDifference, mine: list[Tensor], theirs: list[Tensor]) -> None:
    if [x.shape for x in mine] != [x.shape for x in theirs]:
        layer.not_comparable += sum(x.numel() for x in mine)
        return
    for first, second in zip(mine, theirs, strict=True):
        layer.counts += first.numel()
        if torch.equal(first, second):
            continue
        gap = (first.int() - second.int()).abs()
        layer.flipped += int((gap > 0).sum())
        layer.largest = max(layer.largest, int(gap.max()))

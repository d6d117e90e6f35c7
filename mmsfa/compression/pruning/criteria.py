"""The criteria by name, and where each of them looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmsfa.compression.quantization.quantized_layer import QuantizedLayer
from mmsfa.neurons import SpikingNeuron

from .scores import charge_of, mean_over_steps, potential_score, singular_value_score
from .units import Member, Unit
from .widths import PruningError

Site = Literal['neuron', 'pooled']
SITES = ('neuron', 'pooled')
CRITERIA = ('svs', 'sca', 'l1', 'bn_gamma', 'random')
NEED_DATA = ('svs', 'sca')


class ScorePoint(NamedTuple):
    """Where a score of spikes is taken.

    Attributes:
        name: Of the module.
        reads: Whether what it reads is scored, instead of what it gives.
        steps: Real time steps in the batch axis.
        axis: Of the channels.
        score: (B, C, ...) -> (B, C).
    """

    name: str
    reads: bool
    steps: int
    axis: int
    score: Callable[[Tensor], Tensor]


def check_criterion(criterion: str, site: str = 'neuron') -> None:
    """Refuse what is no criterion, and no site of its maps.

    Raises:
        PruningError: It is unknown.
    """
    if criterion not in CRITERIA:
        raise PruningError(f'criterion must be one of {", ".join(CRITERIA)}, got {criterion!r}.')
    if site not in SITES:
        raise PruningError(
            "site must be 'neuron' (the neuron's own map) or 'pooled' (as released: behind a max "
            f'pooling that follows it), got {site!r}.'
        )


def weight_scores(
    model: nn.Module, unit: Unit, criterion: str, generator: torch.Generator | None = None
) -> Tensor | None:
    """Scores that need no data, (width,), float64; None for `bn_gamma` where no BN is behind it.

    Args:
        model: The model.
        unit: Of the model.
        criterion: ``'l1'``: mean absolute weight of the filters that give a channel;
            ``'bn_gamma'``: absolute scale of the BN behind it; ``'random'``.
        generator: Of the random numbers.
    """
    if criterion == 'random':
        return torch.rand(unit.width, dtype=torch.float64, generator=generator)
    total = _Sums(unit.width)
    if criterion == 'l1':
        for member in unit.producers:
            layer: Any = model.get_submodule(member.name)
            total.add(_rows(layer).abs().double().mean(1), member)
    else:
        for member in unit.through:
            norm = _norm(model, member.name)
            if norm is not None:
                total.add(norm.weight.detach().abs().double(), member)
        if not total.count.all():
            return None
    return total.mean()


def _norm(model: nn.Module, name: str) -> Any:
    owner: Any = model
    for part in name.split('.'):
        owner = getattr(owner, part)
    return owner if isinstance(owner, _BatchNorm) and owner.affine else None


def _rows(layer: Any) -> Tensor:
    """The weight of a layer, one filter a row."""
    weight = layer.weight.detach()
    if isinstance(layer, QuantizedLayer):
        return layer.rows_of(weight)
    return (weight.transpose(0, 1) if getattr(layer, 'transposed', False) else weight).flatten(1)


class _Sums:
    """Means of what several modules say about the channels of a unit."""

    def __init__(self, width: int) -> None:
        self.total = torch.zeros(width, dtype=torch.float64)
        self.count = torch.zeros(width, dtype=torch.float64)

    def add(self, scores: Tensor, member: Member) -> None:
        """Scores of a module, one for each of its channels."""
        index = torch.tensor(member.of)
        self.total.index_add_(0, index, scores.cpu()[member.channels])
        self.count.index_add_(0, index, torch.ones(len(index), dtype=torch.float64))

    def mean(self) -> Tensor:
        return self.total / self.count


def places_of(
    model: nn.Module, unit: Unit, criterion: str, site: Site, max_size: int | None
) -> list[tuple[ScorePoint, Member]]:
    """Where the spikes of a unit are scored: at its neurons, else where its layers read.

    Args:
        model: The model.
        unit: Of the model.
        criterion: ``'svs'`` or ``'sca'``.
        site: ``'neuron'``: what a neuron gives; ``'pooled'``: what a max pooling behind it
            makes of that.
        max_size: See :func:`~mmsfa.compression.pruning.scores.singular_value_score`.
    """

    def ranks(maps: Tensor) -> Tensor:
        return singular_value_score(maps, max_size=max_size)

    found = []
    for member in unit.neurons:
        neuron: Any = model.get_submodule(member.name)
        if criterion == 'sca':

            def norms(x: Tensor, neuron: nn.Module = neuron) -> Tensor:
                return potential_score(x)

            found.append((ScorePoint(member.name, True, neuron.T, 1, norms), member))
        else:
            found.append((ScorePoint(member.name, False, neuron.T, 1, ranks), member))
    if criterion == 'svs' and site == 'pooled' and unit.pools:
        steps = found[0][0].steps
        found = [(ScorePoint(one.name, False, steps, 1, ranks), one) for one in unit.pools]
    if not found:  # an ordinary network: ReLU is often a function
        score = ranks if criterion == 'svs' else potential_score
        for member in unit.consumers:
            axis = -1 if isinstance(model.get_submodule(member.name), nn.Linear) else 1
            found.append((ScorePoint(member.name, True, 1, axis, score), member))
    return found


def mean_scores(unit: Unit, found: Iterable[tuple[Tensor, Member]]) -> Tensor:
    """The mean over all modules that scored a unit, (width,), float64."""
    total = _Sums(unit.width)
    for scores, member in found:
        total.add(scores, member)
    return total.mean()


def score_batch(place: ScorePoint, module: nn.Module, x: Tensor) -> Tensor:
    """Score one batch at a place, (samples, channels), float64."""
    x = x.detach()
    if place.reads and isinstance(module, SpikingNeuron):
        x = charge_of(module, x)
        return place.score(x).unflatten(0, (place.steps, -1)).mean(0)
    if place.axis == -1 and x.dim() > 2:
        x = x.movedim(-1, 1)
    return place.score(mean_over_steps(x, place.steps))

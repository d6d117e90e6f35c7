"""Scores of spikes for all layers at once, in one pass over a loader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from rich.progress import track
from torch import Tensor, nn

from .criteria import ScorePoint, Site, mean_scores, places_of, score_batch
from .units import Member, Unit

Run = Callable[[nn.Module, Any], object]


def run_tensors(model: Any, batch: Any) -> object:
    """Run a model of the mm libraries on a batch of its loader, without what follows the heads."""
    if isinstance(batch, Tensor):
        return model(batch)
    data = model.data_preprocessor(batch, False)
    return model(**data, mode='tensor') if isinstance(data, dict) else model(*data, mode='tensor')


class ScoreCollector:
    """Scores the spikes of units while a model runs.

    Args:
        model: In evaluation mode.
        units: Those that shall be scored.
        criterion: ``'svs'`` or ``'sca'``.
        site: Of the maps, see :func:`~mmsfa.compression.pruning.criteria.places_of`.
        max_size: Of the maps.
    """

    def __init__(
        self,
        model: nn.Module,
        units: Iterable[Unit],
        criterion: str = 'svs',
        site: Site = 'neuron',
        max_size: int | None = None,
    ) -> None:
        self.model = model
        self.units = list(units)
        self._places: dict[str, list[tuple[ScorePoint, Member]]] = {
            unit.name: places_of(model, unit, criterion, site, max_size) for unit in self.units
        }
        self._sums: dict[tuple[str, bool], Tensor] = {}
        self._samples: dict[tuple[str, bool], int] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Score whatever the model computes meanwhile; each module once, whoever asks for it."""
        places = {(p.name, p.reads): p for found in self._places.values() for p, _ in found}
        with ExitStack() as stack:
            for place in places.values():
                module = self.model.get_submodule(place.name)
                if place.reads:
                    handle = module.register_forward_pre_hook(self._reader(place))
                else:
                    handle = module.register_forward_hook(self._giver(place))
                stack.callback(handle.remove)
            yield

    def _reader(self, place: ScorePoint) -> Callable[..., None]:
        def read(module: nn.Module, args: tuple[Tensor, ...]) -> None:
            self._add(place, score_batch(place, module, args[0]))

        return read

    def _giver(self, place: ScorePoint) -> Callable[..., None]:
        def give(module: nn.Module, args: object, output: Tensor) -> None:
            self._add(place, score_batch(place, module, output))

        return give

    def _add(self, place: ScorePoint, scores: Tensor) -> None:
        key = place.name, place.reads
        total = scores.sum(0)
        self._sums[key] = self._sums[key] + total if key in self._sums else total
        self._samples[key] = self._samples.get(key, 0) + len(scores)

    def scores(self) -> dict[str, Tensor]:
        """Mean score of each channel over all samples, by unit; a unit that never ran has none."""
        found = {}
        for unit in self.units:
            seen = []
            for place, member in self._places[unit.name]:
                count = self._samples.get((place.name, place.reads), 0)
                if count:
                    seen.append((self._sums[place.name, place.reads] / count, member))
            if seen:
                found[unit.name] = mean_scores(unit, seen)
        return found


def collect(
    collector: ScoreCollector,
    batches: Iterable[Any],
    run: Run = run_tensors,
    total: int | None = None,
) -> dict[str, Tensor]:
    """Run a model over the batches of a loader, with a progress bar, and score all units.

    Args:
        collector: Of the model.
        batches: What the loader gives; a tensor is an image.
        run: Runs the model on one.
        total: Number of batches, for the bar.

    Returns:
        Scores (width,) by unit.
    """
    with torch.no_grad(), collector.watching():
        for batch in track(batches, 'scores', total=total):
            run(collector.model, batch)
    return collector.scores()

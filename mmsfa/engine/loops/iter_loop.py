"""mmengine's iteration loop, which resumes exactly."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from mmengine.logging import print_log
from mmengine.registry import LOOPS
from mmengine.runner import IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from mmsfa.engine.loader import ResumableDataLoader

from .failed_iter import FailedIterMixin
from .resumable_loader_of import go_on, resumable_loader_of


class _Batches:
    """The endless batches of a loader, in the form that mmengine's loop asks for."""

    def __init__(self, loader: ResumableDataLoader) -> None:
        self._loader = loader
        self._iterator: Iterator[Any] | None = None

    def __iter__(self) -> _Batches:
        return self

    def __next__(self) -> Any:
        if self._iterator is None:  # not before the place is known where it begins
            self._iterator = iter(self._loader)
        return next(self._iterator)

    def skip_iter(self, num_iters: int) -> None:
        """Pass over the batches that were trained before a resume; loads nothing."""
        self._loader.batch_sampler.start(skip=num_iters)


@LOOPS.register_module()
class ResumableIterBasedTrainLoop(FailedIterMixin, IterBasedTrainLoop):
    """Iteration-based training whose interrupted runs end as uninterrupted ones do.

    See `ResumableEpochBasedTrainLoop`.

    Args:
        runner: The runner of the training.
        dataloader: A data loader or its settings.
        max_bad_share: Part of the data set that may be unreadable before the training stops.
        **kwargs: Of mmengine's loop: max_iters, val_begin, val_interval, dynamic_intervals.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        max_bad_share: float = 0.05,
        **kwargs: Any,
    ) -> None:
        options = dict(max_bad_share=max_bad_share, endless=True)
        super().__init__(runner, resumable_loader_of(runner, dataloader, **options), **kwargs)
        if isinstance(self.dataloader, ResumableDataLoader):
            self.dataloader_iterator = _Batches(self.dataloader)

    def state_dict(self, epoch: int = 0) -> dict[str, Any]:
        """What a checkpoint must know of the data; the position is its iteration."""
        loader = self.dataloader
        if not isinstance(loader, ResumableDataLoader):
            return {}
        return dict(batch_size=loader.batch_sampler.batch_size, **loader.seeds())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Draw the data in the order of the run that wrote a checkpoint."""
        if not go_on(self.dataloader, state):
            return
        stored, mine = state.get('batch_size'), self.dataloader.batch_sampler.batch_size
        if stored not in (None, mine):
            print_log(
                f'The checkpoint is of a run with batch_size={stored}, this one has {mine}: the '
                'result will not be that of an uninterrupted run.',
                logger='current',
                level=logging.WARNING,
            )

    def validation_is_due(self) -> bool:
        """Whether a validation follows the iteration that was trained last."""
        super()._decide_current_val_interval()
        return self._iter >= self.val_begin and self._ends()

    def _ends(self) -> bool:
        return self._iter % self.val_interval == 0 or self._iter == self._max_iters

    def _decide_current_val_interval(self) -> None:
        """Between training and validation: count the bad samples once in a while."""
        super()._decide_current_val_interval()
        if self._ends() and isinstance(self.dataloader, ResumableDataLoader):
            self.dataloader.faults.sum_up()

"""mmengine's epoch loop, which resumes exactly, also in the middle of an epoch."""

from __future__ import annotations

import logging
from typing import Any

from mmengine.logging import print_log
from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from mmsfa.engine.loader import ResumableDataLoader

from .failed_iter import FailedIterMixin
from .resumable_loader_of import go_on, resumable_loader_of


@LOOPS.register_module()
class ResumableEpochBasedTrainLoop(FailedIterMixin, EpochBasedTrainLoop):
    """Epoch-based training whose interrupted runs end as uninterrupted ones do.

    The data loader becomes a `ResumableDataLoader`. `ExactResumeHook` keeps the state of the loop
    and of the random number generators in the checkpoints.

    Args:
        runner: The runner of the training.
        dataloader: A data loader or its settings.
        max_bad_share: Part of the data set that may be unreadable before the training stops.
        **kwargs: Of mmengine's loop: max_epochs, val_begin, val_interval, dynamic_intervals.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        max_bad_share: float = 0.05,
        **kwargs: Any,
    ) -> None:
        loader = resumable_loader_of(runner, dataloader, max_bad_share=max_bad_share)
        super().__init__(runner, loader, **kwargs)
        self.position = 0  # batches of this epoch that are done, the present one included

    def state_dict(self, epoch: int) -> dict[str, Any]:
        """What a checkpoint must know of the data.

        Args:
            epoch: In which a resumed run begins.
        """
        state: dict[str, Any] = dict(batches=len(self.dataloader), position=0)
        if epoch == self._epoch:  # else it begins with the next epoch
            state['position'] = self.position
        if isinstance(self.dataloader, ResumableDataLoader):
            state |= self.dataloader.seeds()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to where a checkpoint was written."""
        if not go_on(self.dataloader, state):
            return
        if state['batches'] == len(self.dataloader):
            self.position = state['position']
        else:
            begins = 'the epoch begins anew and ' if state['position'] else ''
            print_log(
                f'The checkpoint is of a run with {state["batches"]} batches in an epoch, this one '
                f'has {len(self.dataloader)}: {begins}the result will not be that of an '
                'uninterrupted run.',
                logger='current',
                level=logging.WARNING,
            )

    def validation_is_due(self) -> bool:
        """Whether a validation follows the epoch that was trained last."""
        self._decide_current_val_interval()
        ends = self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
        return ends and self._epoch >= self.val_begin and self.position == 0

    def run_epoch(self) -> None:
        """Train what is left of one epoch."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        if isinstance(self.dataloader, ResumableDataLoader):
            self.dataloader.batch_sampler.start(self._epoch, self.position)
        for idx, data_batch in enumerate(self.dataloader, start=self.position):
            self.position = idx + 1
            self.run_iter(idx, data_batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1
        self.position = 0
        if isinstance(self.dataloader, ResumableDataLoader):
            self.dataloader.faults.sum_up()

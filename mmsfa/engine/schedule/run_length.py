"""How long a run is, and where in it a checkpoint stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmengine.runner import IterBasedTrainLoop, Runner


@dataclass(frozen=True)
class Length:
    """How long a run is.

    Attributes:
        epochs: ``max_epochs``; 1 in iteration-based training.
        iters: ``max_iters``.
        by_epoch: Whether the run is told to end after epochs.
    """

    epochs: int
    iters: int
    by_epoch: bool

    @classmethod
    def of(cls, runner: Runner) -> Length:
        """Of a run that is about to begin."""
        by_epoch = not isinstance(runner.train_loop, IterBasedTrainLoop)
        return cls(runner.max_epochs, runner.max_iters, by_epoch)

    @classmethod
    def of_checkpoint(cls, checkpoint: dict, by_epoch: bool) -> Length | None:
        """Of the run that wrote a checkpoint; None if it does not say."""
        hub = checkpoint.get('message_hub')
        info = hub.get('runtime_info', {}) if isinstance(hub, dict) else {}
        if not {'max_epochs', 'max_iters'} <= set(info):
            return None
        return cls(info['max_epochs'], info['max_iters'], by_epoch)

    @property
    def end(self) -> int:
        """In the unit that the run ends by."""
        return self.epochs if self.by_epoch else self.iters

    @property
    def unit(self) -> str:
        """That unit."""
        return 'epoch' if self.by_epoch else 'iteration'

    def in_words(self, other: Length | None) -> str:
        """The end, with the length of an epoch where that is what differs."""
        if other is None or self.end != other.end or self == other:
            return str(self.end)
        return f'{self.end} with {self.iters // self.epochs} iterations each'

    def place(self, meta: dict[str, Any], old: Length | None) -> tuple[int, int, int]:
        """Where in the schedule a checkpoint stands.

        Args:
            meta: Of the checkpoint.
            old: Length of the run that wrote it, if known.

        Returns:
            Finished epochs, finished iterations, iterations of an epoch.
        """
        epochs, iters, each = meta['epoch'], meta['iter'], self.iters // self.epochs
        if self.by_epoch and old is not None and old.iters // old.epochs != each:
            iters = epochs * each  # the epoch begins anew
        return epochs, iters, each

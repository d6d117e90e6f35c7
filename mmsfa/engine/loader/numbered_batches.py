"""Batches of indices that know their place in the training."""

from __future__ import annotations

from collections.abc import Iterator

from torch.utils.data import BatchSampler, Sampler


class NumberedBatch(list):
    """Indices of one batch.

    Attributes:
        number: (epoch, batch in the epoch), both from 0.
    """

    def __init__(self, indices: list[int], number: tuple[int, int]) -> None:
        super().__init__(indices)
        self.number = number


class NumberedBatchSampler(Sampler):
    """Numbers the batches of another batch sampler, and can begin in the middle of an epoch.

    Args:
        batch_sampler: Any batch sampler of torch or of an mm project.
        endless: Begin the next epoch by itself, for loops that count iterations.
    """

    def __init__(self, batch_sampler: BatchSampler, endless: bool = False) -> None:
        self.batch_sampler = batch_sampler
        self.endless = endless
        self._epoch = self._skip = 0

    @property
    def sampler(self) -> Sampler:
        """The sampler of single indices, to which mmengine hands the epoch."""
        return self.batch_sampler.sampler

    @property
    def batch_size(self) -> int:
        """Indices in a batch."""
        return self.batch_sampler.batch_size

    @property
    def seed(self) -> int | None:
        """Of the sampler's shuffling; None if it has none."""
        return getattr(self.sampler, 'seed', None)

    @seed.setter
    def seed(self, seed: int) -> None:
        self.sampler.seed = seed
        if hasattr(self.sampler, '_indices_of_rank'):  # InfiniteSampler began with the old seed
            self.sampler.indices = self.sampler._indices_of_rank()

    def start(self, epoch: int = 0, skip: int = 0) -> None:
        """Say where the next iteration begins.

        Args:
            epoch: The number that its batches carry.
            skip: How many batches are passed over. No data are loaded for them.
        """
        self._epoch, self._skip = epoch, skip

    def __iter__(self) -> Iterator[NumberedBatch]:
        epoch, skip, self._skip = self._epoch, self._skip, 0
        while True:
            place = -1
            for place, batch in enumerate(self.batch_sampler):
                if skip:
                    skip -= 1
                    continue
                yield NumberedBatch(batch, (epoch, place))
            if not self.endless or place < 0:
                return
            epoch += 1
            if hasattr(self.sampler, 'set_epoch'):
                self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.batch_sampler)

"""Batches of indices that know their place in the training."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

from torch.utils.data import Sampler

from mmsfa.rng_state import get_rng_state, isolated_rng, same_rng_state, seed_cpu, set_rng_state


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
        run_seed: What samplers without a seed of their own draw from.
        endless: Begin the next epoch by itself, for loops that count iterations.
    """

    def __init__(self, batch_sampler: Any, run_seed: int = 0, endless: bool = False) -> None:
        self.batch_sampler = batch_sampler
        self.run_seed, self.endless = run_seed, endless
        self._epoch = self._skip = 0

    @property
    def sampler(self) -> Any:
        """The sampler of single indices, to which mmengine hands the epoch."""
        return self.batch_sampler.sampler

    @property
    def batch_size(self) -> int | None:
        """Indices in a batch; None if they differ."""
        return getattr(self.batch_sampler, 'batch_size', None)

    @property
    def seed(self) -> int | None:
        """Of the sampler's shuffling; None if it has none."""
        return getattr(getattr(self.batch_sampler, 'sampler', None), 'seed', None)

    @seed.setter
    def seed(self, seed: int) -> None:
        self.sampler.seed = seed  # the endless samplers of mm projects read it at their first index

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
            for place, batch in enumerate(self._batches(epoch)):
                if skip:
                    skip -= 1
                    continue
                yield NumberedBatch(batch, (epoch, place))
            if not self.endless or place < 0:
                return
            epoch += 1
            if hasattr(self.sampler, 'set_epoch'):
                self.sampler.set_epoch(epoch)

    def _batches(self, epoch: int) -> Iterator[list[int]]:
        """One epoch, whose order owes nothing to what the model has drawn.

        Some samplers draw from the generators of the process (mmdet's GroupMultiSourceSampler);
        those that do not for their first batch are asked without further ado for the others.
        """
        with isolated_rng():
            seed_cpu(self.run_seed, epoch)
            begin = get_rng_state(device=False)
            batches = iter(self.batch_sampler)
            batch = next(batches, None)
            state = get_rng_state(device=False)
        draws = not same_rng_state(begin, state)
        while batch is not None:
            yield batch
            if not draws:
                yield from batches
                return
            with isolated_rng():
                set_rng_state(state)
                batch = next(batches, None)
                state = get_rng_state(device=False)

    def __len__(self) -> int:
        return len(self.batch_sampler)


CHECK_INTERVAL = 5.0  # seconds, as torch's own workers look


class WorkerStart:
    """Another ``worker_init_fn``, in a worker that ends when its training was killed.

    torch's worker leaves its loop then, but waits for ever to hand over the batches that nobody
    takes any more. It would keep its memory, and keep open what the training printed to.

    Args:
        init_fn: What else a worker shall do first; it gets the number of the worker.
    """

    def __init__(self, init_fn: Callable[[int], None] | None) -> None:
        self.init_fn = init_fn

    def __call__(self, worker_id: int) -> None:
        """Begin to watch the process that has started this one."""
        Thread(target=_end_after, args=(os.getppid(),), daemon=True).start()
        if self.init_fn is not None:
            self.init_fn(worker_id)


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(CHECK_INTERVAL)
    os._exit(1)

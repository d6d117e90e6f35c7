"""A data loader for training that gives the same batches after a resume, and survives bad files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import torch
from mmengine.dist import get_rank
from torch.utils.data import DataLoader, IterableDataset

from mmsfa.data_check.fault import Fault
from mmsfa.errors import UserError

from .fault_log import FaultLog
from .numbered_batches import NumberedBatchSampler, WorkerStart
from .sample_fetcher import Labels, SampleFetcher, Samples
from .whole_batches import MapStyle, WholeBatches


class _FaultyBatch(NamedTuple):
    """How the process that loads tells the one that trains."""

    batch: Any
    faults: list[Fault]


class _Collate:
    """Another collate function, which hands on the faults of the samples."""

    def __init__(self, collate_fn: Callable) -> None:
        self.collate_fn = collate_fn

    def __call__(self, samples: list) -> Any:
        batch = self.collate_fn(list(samples))  # some give back the list that they got
        faults = samples.faults if isinstance(samples, Samples) else None
        return _FaultyBatch(batch, faults) if faults else batch


class NoBatchError(UserError):
    """The data set is too small for one batch."""

    def __init__(self, loader: ResumableDataLoader) -> None:
        super().__init__(
            f'The training data give no batch: {len(loader.dataset)} samples, batch_size='
            f'{loader.batch_sampler.batch_size}. Use more data, a smaller batch_size, or '
            'drop_last=False in train_dataloader.'
        )


class ResumableDataLoader:
    """Wraps what a config's ``train_dataloader`` builds; the loops of `mmsfa.engine.loops` do it.

    - It can begin anywhere in an epoch without loading what lies before: ``batch_sampler.start``.
    - Random augmentation is a function of the seed, the rank and the place in the training: two
      epochs differ, the number of workers changes nothing, and the model's generators are left
      alone.
    - A sample that cannot be read is named once and replaced.
    - Its workers end soon after a training that was killed.

    The given loader and its data set stay as they are. Hooks find what torch's loader has: the data
    set and the sampler of the given loader, and the options of `batches`.

    torchdata's ``StatefulDataLoader`` resumes within an epoch too, with the same number of workers
    alone; here nothing depends on them.

    Args:
        loader: A map-style loader with batches.
        seed: Of the run.
        labels: What the model's loss can take; None leaves labels unchecked.
        max_bad_share: Part of the data set that may be bad.
        endless: Epoch follows epoch without a break.

    Attributes:
        dataset: Of the given loader, as are `sampler`, `batch_size` and `drop_last`.
        batch_sampler: Numbers the batches.
        fetcher: Loads their samples.
        faults: The bad samples so far.
        batches: torch's loader, with the workers.

    Raises:
        NoBatchError: An epoch has no batch; of an endless loader, once it is iterated.
    """

    def __init__(
        self,
        loader: DataLoader,
        seed: int,
        labels: Labels | None = None,
        max_bad_share: float = 0.05,
        endless: bool = False,
    ) -> None:
        self.dataset = cast(MapStyle, loader.dataset)
        self.sampler = loader.sampler
        self.batch_size, self.drop_last = loader.batch_size, loader.drop_last
        self.faults = FaultLog(len(self.dataset), max_bad_share)
        self.fetcher = SampleFetcher(self.dataset, seed, get_rank(), labels)
        self.batch_sampler = NumberedBatchSampler(loader.batch_sampler, seed, endless)
        self.batches = DataLoader(
            WholeBatches(self.dataset, self.fetcher),
            batch_sampler=self.batch_sampler,
            num_workers=loader.num_workers,
            collate_fn=_Collate(loader.collate_fn),
            pin_memory=loader.pin_memory,
            timeout=loader.timeout,
            worker_init_fn=WorkerStart(loader.worker_init_fn),
            multiprocessing_context=loader.multiprocessing_context,
            generator=torch.Generator().manual_seed(seed),  # else it draws from the model's
            prefetch_factor=loader.prefetch_factor,
            persistent_workers=loader.persistent_workers,
        )
        if not endless and len(self) == 0:
            raise NoBatchError(self)

    @staticmethod
    def fits(loader: DataLoader) -> bool:
        """Whether a loader is torch's own and gives batches of indexed samples."""
        return (
            getattr(type(loader), '__iter__', None) is DataLoader.__iter__
            and loader.batch_sampler is not None
            and not isinstance(loader.dataset, IterableDataset)
        )

    def seeds(self) -> dict[str, int | None]:
        """What the order and the augmentation of the data follow from."""
        return dict(seed=self.fetcher.seed, sampler_seed=self.batch_sampler.seed)

    def set_seeds(self, state: dict[str, Any]) -> None:
        """Take the `seeds` of another run, before the first batch."""
        self.fetcher.seed = self.batch_sampler.run_seed = state['seed']
        if state['sampler_seed'] not in (None, self.batch_sampler.seed):
            self.batch_sampler.seed = state['sampler_seed']

    @property
    def collate_fn(self) -> Callable:
        """What makes a batch of samples; a hook may set another one."""
        return self.batches.collate_fn

    @collate_fn.setter
    def collate_fn(self, collate_fn: Callable) -> None:
        is_ours = isinstance(collate_fn, _Collate)
        self.batches.collate_fn = collate_fn if is_ours else _Collate(collate_fn)

    @property
    def _iterator(self) -> Any:
        """Hooks that switch the pipeline (mmdet, mmpretrain) set None, which restarts workers."""
        return self.batches._iterator

    @_iterator.setter
    def _iterator(self, iterator: None) -> None:
        self.batches._iterator = iterator

    def __getattr__(self, name: str) -> Any:
        if name == 'batches' or name.startswith('__'):  # not there yet
            raise AttributeError(name)
        return getattr(self.batches, name)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        batch = None
        for batch in self.batches:
            if isinstance(batch, _FaultyBatch):
                self.faults.add(batch.faults)
                batch = batch.batch
            yield batch
        if self.batch_sampler.endless and batch is None:
            raise NoBatchError(self)

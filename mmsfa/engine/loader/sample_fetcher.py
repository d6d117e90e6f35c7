"""Load the samples of a batch: each with its own random numbers, bad ones replaced."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import get_worker_info

from mmsfa.data_check.diagnose import check_labels, diagnose, files_of
from mmsfa.data_check.fault import DataFaultError, Fault
from mmsfa.data_check.files_of_dataset import leaves
from mmsfa.data_check.label_map_format import check_format
from mmsfa.data_check.label_maps import decoder_of
from mmsfa.data_check.sample_file import check_image
from mmsfa.rng_state import isolated_rng, seed_cpu

from .numbered_batches import NumberedBatch
from .whole_batches import MapStyle

UNSEEN, GOOD, BAD = range(3)
MAX_TRIES = 100  # for one sample: above it, hardly any good one can be left


class Samples(list):
    """What one batch is collated from.

    Attributes:
        faults: Why other samples stand in for some that the batch should have held.
    """

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[Fault] = []


class Labels(NamedTuple):
    """Which labels the loss of a model can take: 0 to num_classes - 1, and ignore_index."""

    num_classes: int
    ignore_index: int = 255


class SampleFetcher:
    """Loads the batches of a `WholeBatches`.

    The random numbers of a sample follow from the seed, the rank and the sample's place in the
    training alone: they are the same for every number of workers, and after a resume.

    Args:
        dataset: Whose samples are loaded.
        seed: Of the run.
        rank: Of this process.
        labels: What the model's loss can take; None leaves labels unchecked.
    """

    def __init__(self, dataset: MapStyle, seed: int, rank: int, labels: Labels | None) -> None:
        self.dataset, self.seed, self.rank, self.labels = dataset, seed, rank, labels
        own = next(leaves(dataset), None)
        self.decoder = decoder_of(getattr(own[0], 'pipeline', None)) if own else None
        # Shared with the workers, so that each file's ends are looked at once in a run.
        self.seen = torch.zeros(len(dataset), dtype=torch.uint8).share_memory_()

    def __call__(self, batch: NumberedBatch) -> Samples:
        """Load the samples of one batch."""
        samples = Samples()
        # In the main process the model draws from the same generators.
        with isolated_rng() if get_worker_info() is None else nullcontext():
            for place, index in enumerate(batch):
                seeds = (self.seed, self.rank, *batch.number, place)
                samples.append(self._load(index, seeds, samples.faults))
        return samples

    def _load(self, index: Any, seeds: tuple[int, ...], faults: list[Fault]) -> Any:
        """The sample, or a random other one when it is bad."""
        if isinstance(index, (tuple, list)):  # (video, frame) of mmdet's tracking: as it comes
            seed_cpu(*seeds)
            return self.dataset[index]
        for attempt in range(MAX_TRIES):
            seed_cpu(*seeds, attempt)  # anew: a bad sample may have drawn before it failed
            if attempt:
                index = np.random.randint(len(self.dataset))
            if self.seen[index] != BAD:
                found = self._try(index)
                if not isinstance(found, Fault):
                    self.seen[index] = GOOD
                    return found
                # Mixed pictures fail by a file of another sample: this one stays in use.
                own = files_of(self._info(index))
                self.seen[index] = BAD if not own or found.path in own else UNSEEN
                faults.append(found)
        listed = '; '.join(f'{fault.path}: {fault.what}' for fault in faults[:5])
        raise DataFaultError(
            f'{MAX_TRIES} samples in a row cannot be used, so hardly any good one is left '
            f'({listed or "named before"}). Check the data set with `mmsfa check-data` '
            '(tools/misc/verify_dataset.py in a clone).'
        )

    def _try(self, index: int) -> Any:
        """The sample, or its fault; an error that is not the data's is raised as it is."""
        if self.seen[index] == UNSEEN:  # decoders fill up a truncated picture without a word
            info = self._info(index)
            for path in files_of(info):
                # What is not on this disk may be a name in an archive or an object store.
                if os.path.lexists(path) and (what := self._check(path, info)):
                    return Fault(path, what)
        try:
            sample = self.dataset[index]
        except Exception as error:
            fault = diagnose(self._info(index), error)
            if fault is None or not self._lies_on_disk():
                raise
            return fault
        what = self.labels and check_labels(sample, *self.labels)
        return Fault(self._labelled_file(index, what), what) if what else sample

    def _check(self, path: str, info: dict[str, Any]) -> str | None:
        what = check_image(path)
        if what is None and self.decoder and path == info.get('seg_map_path'):
            what = check_format(path, self.decoder)
        return what

    def _labelled_file(self, index: int, what: str) -> str:
        """The file that has a wrong label."""
        info = self._info(index)
        label_map = info.get('seg_map_path') if 'label map' in what else None
        return label_map or (files_of(info) or [f'sample {index}'])[0]

    def _lies_on_disk(self) -> bool:
        """Whether paths are files here, and not names elsewhere, where missing means nothing."""
        some = range(0, len(self.dataset), max(1, len(self.dataset) // 50))
        files = [path for index in some for path in files_of(self._info(index))]
        return not files or any(map(os.path.exists, files))

    def _info(self, index: int) -> dict[str, Any]:
        """What the data set knows of a sample before it is loaded."""
        get_data_info = getattr(self.dataset, 'get_data_info', None)
        return get_data_info(index) if get_data_info else {}

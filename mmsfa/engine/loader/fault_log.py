"""Name each bad sample once, count them, and stop when there are too many."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from mmengine.dist import all_gather_object, get_world_size
from mmengine.logging import print_log

from mmsfa.data_check.fault import DataFaultError, Fault, list_faults


class FaultLog:
    """The bad samples that a training has met.

    Args:
        size: Samples in the data set.
        max_share: Part of the data set that may be bad.

    Raises:
        ValueError: The share is not between 0 and 1.
    """

    def __init__(self, size: int, max_share: float) -> None:
        if not isinstance(max_share, (int, float)) or not 0 <= max_share <= 1:
            raise ValueError(f'max_bad_share must be between 0 and 1, got {max_share!r}.')
        self.size, self.max_share = size, max_share
        self.known: dict[str, Fault] = {}

    def add(self, faults: Iterable[Fault]) -> None:
        """Warn about files that were not known yet.

        Raises:
            DataFaultError: More than `max_share` of the data set is bad.
        """
        self._name(faults)
        self._judge()

    def sum_up(self) -> None:
        """Log the count over all ranks; every rank must call it."""
        if get_world_size() > 1:
            # The console shows the first rank's warnings only.
            for known in all_gather_object(self.known):
                self._name(known.values())
        if self.known:
            share = len(self.known) / self.size
            print_log(
                f'{len(self.known)} bad samples so far ({share:.2%} of {self.size}; the run stops '
                f'above {self.max_share:.2%}). Each was named once.',
                logger='current',
                level=logging.INFO,  # mmengine drops a warning that repeats itself
            )
        self._judge()

    def _name(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            if fault.path not in self.known:
                self.known[fault.path] = fault
                print_log(
                    f'Bad sample: {fault}. Others take its place.',
                    logger='current',
                    level=logging.WARNING,
                )

    def _judge(self) -> None:
        if len(self.known) <= self.max_share * self.size:
            return
        raise DataFaultError(
            f'{len(self.known)} of {self.size} samples are bad, more than the allowed '
            f'{self.max_share:.2%}: mend them (`mmsfa check-data`, in a clone '
            'tools/misc/verify_dataset.py, lists all), or raise '
            f'train_cfg.max_bad_share.\n{list_faults(list(self.known.values()))}'
        )

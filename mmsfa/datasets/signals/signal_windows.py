"""Windows of one long recording that has a label at each sample, split by blocks of time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from mmsfa.errors import OptionError

from .reader import Signal, read_signal, refuse

# The windows of one recording share it: a copy for each would be the recording many times over.
_read = lru_cache(maxsize=8)(read_signal)


@DATASETS.register_module()
class SignalWindows(BaseDataset):
    """Windows of a recording whose label is a column of its file.

    Neighbours in time look alike, so a random split of windows tells nothing. Here the recording is
    cut into equally long blocks, a split names its own, and no window reaches over the border of a
    block.

    Args:
        ann_file: The recording, a CSV with a line of names.
        label: Name of the column of labels 0, 1, ...
        window: Samples of a window.
        stride: Samples between the starts of neighbouring windows.
        blocks: How many blocks the recording is cut into.
        use_blocks: Which of them, from 0 on; None takes all.
        mixed: What becomes of a window that holds several labels: ``'drop'``, or ``'last'``, which
            takes the label of its last sample.
        **kwargs: Arguments of mmpretrain's ``BaseDataset``.

    Raises:
        OptionError: A setting is out of its range.
        SignalFileError: The file is no such recording.
    """

    def __init__(
        self,
        ann_file: str,
        label: str = 'class',
        window: int = 128,
        stride: int = 32,
        blocks: int = 10,
        use_blocks: Sequence[int] | None = None,
        mixed: str = 'drop',
        **kwargs: Any,
    ) -> None:
        for name, value in dict(window=window, stride=stride, blocks=blocks).items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise OptionError(f'{name} must be an integer >= 1, got {value!r}.')
        chosen = range(blocks) if use_blocks is None else use_blocks
        if not set(chosen) <= set(range(blocks)):
            raise OptionError(
                f'use_blocks must name blocks of 0..{blocks - 1}, got {use_blocks!r}.'
            )
        if mixed not in ('drop', 'last'):
            raise OptionError(f"mixed must be 'drop' or 'last', got {mixed!r}.")
        self.label, self.window, self.stride, self.mixed = label, window, stride, mixed
        self.blocks, self.use_blocks = blocks, sorted(chosen)
        super().__init__(ann_file=ann_file, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry a window: ``img_path``, ``signal_range``, ``channels`` and ``gt_label``."""
        recording = _read(self.ann_file)
        labels = self._labels(recording)
        channels = tuple(name for name in recording.names if name != self.label)
        borders = np.linspace(0, len(labels), self.blocks + 1).astype(int)
        entries = []
        for block in self.use_blocks:
            last = borders[block + 1] - self.window
            for start in range(borders[block], last + 1, self.stride):
                end = start + self.window
                inside = labels[start:end]
                if self.mixed == 'last' or (inside == inside[0]).all():
                    entries.append(
                        dict(
                            img_path=self.ann_file,
                            signal_range=(int(start), int(end)),
                            channels=channels,
                            gt_label=int(inside[-1]),
                        )
                    )
        if not entries:
            refuse(
                self.ann_file,
                f'windows of {self.window} samples were expected in the blocks {self.use_blocks}, '
                f'got none (a block has {len(labels) // self.blocks} samples)',
            )
        return entries

    def _labels(self, recording: Signal) -> np.ndarray:
        if self.label not in recording.names:
            refuse(
                self.ann_file,
                f'a column {self.label!r} of labels was expected, got '
                f'{", ".join(recording.names) or "columns without names"}',
            )
        labels = recording.values[recording.names.index(self.label)]
        number = len(self.CLASSES) if self.CLASSES is not None else None
        wrong = (labels != np.round(labels)) | (labels < 0)
        if number is not None:
            wrong |= labels >= number
        if wrong.any():
            row = int(np.argmax(wrong))
            refuse(
                self.ann_file,
                f'labels 0..{"" if number is None else number - 1} were expected in the column '
                f'{self.label!r}, got {labels[row]:g} in row {row + 2}',
            )
        return labels.astype(np.int64)

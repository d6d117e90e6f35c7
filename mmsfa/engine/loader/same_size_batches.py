"""Batches in which no picture is padded: their predictions are those of one picture at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.registry import DATA_SAMPLERS
from PIL import Image
from torch.utils.data import BatchSampler, Sampler


@DATA_SAMPLERS.register_module()
class SameSizeBatchSampler(BatchSampler):
    """Puts pictures of one size into a batch, for validation and test.

    Pictures of different sizes are padded to a common one, and the padding enters what they are
    computed from: attention adds up over all tokens, and beyond the border a convolution meets what
    BN made of the padding instead of zeros. Here a batch waits until it is full of pictures of one
    size, so that nothing is padded beyond what a single picture is.

    The order of the pictures changes. The last one stays the last: that is the one which mmengine
    drops where a distributed sampler had to repeat some.

    Args:
        sampler: Order in which the pictures come.
        batch_size: Pictures of a batch at most.

    Raises:
        ValueError: The batch size is not positive.

    Example:
        >>> val_dataloader = dict(
        ...     batch_size=4, batch_sampler=dict(type='SameSizeBatchSampler'))
    """

    def __init__(self, sampler: Sampler[int], batch_size: int) -> None:
        super().__init__(sampler, batch_size, drop_last=False)
        self._sizes: dict[int, tuple[int, int]] = {}

    def __iter__(self) -> Iterator[list[int]]:
        waiting: dict[tuple[int, int], list[int]] = {}
        indices = list(self.sampler)
        for index in indices[:-1]:
            batch = waiting.setdefault(self._size_of(index), [])
            batch.append(index)
            if len(batch) == self.batch_size:
                yield waiting.pop(self._size_of(index))
        for index in indices[-1:]:
            with_last = [*waiting.pop(self._size_of(index), []), index]
            yield from waiting.values()
            yield with_last

    def __len__(self) -> int:
        counts: dict[tuple[int, int], int] = {}
        for index in self.sampler:
            size = self._size_of(index)
            counts[size] = counts.get(size, 0) + 1
        return sum(-(-count // self.batch_size) for count in counts.values())

    def _size_of(self, index: int) -> tuple[int, int]:
        """(width, height) in the annotations, or else in the file."""
        if index not in self._sizes:
            sampler: Any = self.sampler  # those of mmengine have a data set
            info = sampler.dataset.get_data_info(index)
            if {'width', 'height'} <= info.keys():
                self._sizes[index] = info['width'], info['height']
            else:
                with Image.open(info['img_path']) as picture:
                    self._sizes[index] = picture.size
        return self._sizes[index]

"""A data set that torch's loaders ask for a whole batch at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from torch.utils.data import Dataset


class MapStyle(Protocol):
    """What torch calls a map-style data set; its `Dataset` leaves the length out."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any) -> Any: ...


class WholeBatches(Dataset):
    """Another data set, whose batches one function loads; the data set itself stays as it is.

    In a worker torch shows it as ``get_worker_info().dataset``. So that a ``worker_init_fn`` finds
    the data set there that it knows, attributes are read from that one and written to it.

    Args:
        dataset: Whose samples are loaded.
        load_batch: Gets the indices of a batch, returns its samples.
    """

    def __init__(self, dataset: MapStyle, load_batch: Callable[[Any], list]) -> None:
        self._dataset, self.load_batch = dataset, load_batch

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: Any) -> Any:
        return self._dataset[index]

    def __getitems__(self, batch: Sequence) -> list:
        """Load a batch; torch's fetcher prefers this method to one call for each index."""
        return self.load_batch(batch)

    def __getattr__(self, name: str) -> Any:
        if name in _OWN or name.startswith('__'):  # asked for while a worker unpickles it
            raise AttributeError(name)
        return getattr(self._dataset, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            super().__setattr__(name, value)
        else:
            setattr(self._dataset, name, value)


_OWN = ('_dataset', 'load_batch')

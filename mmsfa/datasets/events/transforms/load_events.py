"""The first step of a pipeline: read an event file."""

from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from mmsfa.datasets.events.readers.reader import read_events
from mmsfa.datasets.events.tensors import check_events
from mmsfa.errors import OptionError


@TRANSFORMS.register_module()
class LoadEvents(BaseTransform):
    """Read the events of ``img_path``.

    A data set may give ``event_range``, (start, end) in microseconds, to read only that part.

    Args:
        shape: (H, W) of the camera in pixels.

    Required keys: img_path, event_range (optional).
    Added keys: events (structured array, see :mod:`mmsfa.datasets.events.readers.event_array`),
    img_shape, ori_shape.

    Raises:
        EventFileError: The file is truncated or of an unknown format.
        OptionError: Events lie outside of ``shape``.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = (*shape,)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read."""
        events = read_events(results['img_path'], *results.get('event_range', (None, None)))
        try:
            check_events(events, self.shape, 1)
        except ValueError as error:
            raise OptionError(f'{results["img_path"]}: {error}') from None
        results.update(events=events, img_shape=self.shape, ori_shape=self.shape)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(shape={self.shape})'

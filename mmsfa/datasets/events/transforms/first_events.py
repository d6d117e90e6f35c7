"""The first event of each pixel, as a picture for networks of spike times."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from mmsfa.datasets.events.tensors import check_events


@TRANSFORMS.register_module()
class FirstEvents(BaseTransform):
    """Keep how early each pixel had its first event: 1 - (t - t_0) / duration.

    It is a picture of strengths: flips and crops work on it, and `TTFSNet` makes the times of it
    again.

    Args:
        duration: Length of the window in microseconds, from the first event of the recording on;
            later events are left out. None takes the whole recording.

    Required keys: events, img_shape.
    Added keys: img, float32 in [0, 1], shape (H, W, 2), OFF before ON; 0 where no event is (and
    where one comes at the very end of the window).

    Raises:
        ValueError: The duration is not > 0.
    """

    def __init__(self, duration: float | None = None) -> None:
        if duration is not None and not duration > 0:
            raise ValueError(f'duration must be None or microseconds > 0, got {duration!r}.')
        self.duration = duration

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``img``."""
        events, (height, width) = results['events'], results['img_shape']
        check_events(events, (height, width), 1)
        elapsed = (events['t'] - events['t'][:1]).astype(np.float64)
        duration = self.duration or max(elapsed[-1:].sum(), 1.0)
        image = np.zeros((height, width, 2), np.float32)
        early = (1 - elapsed / duration).clip(0)
        np.maximum.at(image, (events['y'], events['x'], events['p']), early)
        results['img'] = image
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(duration={self.duration})'

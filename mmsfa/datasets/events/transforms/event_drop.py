"""EventDrop: leave out some of the events."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

Array = np.ndarray
Range = tuple[float, float]


@TRANSFORMS.register_module()
class EventDrop(BaseTransform):
    """Drop all events of a stretch of time, all of a rectangle, or some anywhere.

    At most one of the three happens. The defaults are those of the paper, where the three and "drop
    nothing" are equally likely: Gu et al., "EventDrop: Data Augmentation for Event-based Learning",
    IJCAI 2021, https://arxiv.org/abs/2106.05836.

    Args:
        prob: Probabilities of dropping by time, by area and by point.
        time_ratio: Range of the dropped share of the duration.
        area_ratio: Range of the rectangle's share of the height and of the width.
        point_ratio: Range of the dropped share of the events.

    Required keys: events, img_shape.
    Modified keys: events.

    Raises:
        ValueError: A setting is out of its range.
    """

    def __init__(
        self,
        prob: tuple[float, float, float] = (0.25, 0.25, 0.25),
        time_ratio: Range = (0.1, 0.9),
        area_ratio: Range = (0.05, 0.25),
        point_ratio: Range = (0.1, 0.9),
    ) -> None:
        if len(prob) != 3 or min(prob) < 0 or sum(prob) > 1:
            raise ValueError(
                'prob must be three probabilities (by time, by area, by point) whose sum is at '
                f'most 1, got {prob!r}.'
            )
        ranges = dict(time_ratio=time_ratio, area_ratio=area_ratio, point_ratio=point_ratio)
        for name, (low, high) in ranges.items():
            if not 0 <= low <= high <= 1:
                raise ValueError(f'{name} must be (low, high) within [0, 1], got {(low, high)}.')
        self.prob = tuple(prob)
        self.time_ratio = (*time_ratio,)
        self.area_ratio = (*area_ratio,)
        self.point_ratio = (*point_ratio,)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Drop."""
        events = results['events']
        if not len(events):
            return results
        choice = np.searchsorted(np.cumsum(self.prob), np.random.rand(), side='right')
        if choice == 0:
            dropped = self._by_time(events)
        elif choice == 1:
            dropped = self._by_area(events, results['img_shape'])
        elif choice == 2:
            dropped = np.random.rand(len(events)) < np.random.uniform(*self.point_ratio)
        else:
            return results
        results['events'] = events[~dropped]
        return results

    def _by_time(self, events: Array) -> Array:
        """Which events lie in a random stretch of time, bool, shape (N,)."""
        t = events['t']
        ratio = np.random.uniform(*self.time_ratio)
        start = t[0] + np.random.uniform(0, 1 - ratio) * (t[-1] - t[0])
        return (t >= start) & (t <= start + ratio * (t[-1] - t[0]))

    def _by_area(self, events: Array, shape: tuple[int, int]) -> Array:
        """Which events lie in a random rectangle, bool, shape (N,)."""
        ratio = np.random.uniform(*self.area_ratio)
        inside = np.ones(len(events), bool)
        for axis, size in zip('yx', shape, strict=True):
            start = np.random.uniform(0, 1 - ratio) * size
            inside &= (events[axis] >= start) & (events[axis] < start + ratio * size)
        return inside

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(prob={self.prob}, time_ratio={self.time_ratio}, '
            f'area_ratio={self.area_ratio}, point_ratio={self.point_ratio})'
        )

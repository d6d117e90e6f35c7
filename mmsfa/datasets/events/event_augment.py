"""Small augmentations of a list of events: polarity, direction of time, jitter."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS


@TRANSFORMS.register_module()
class EventPolarityFlip(BaseTransform):
    """Swap ON and OFF, as if bright and dark were swapped in the scene.

    Args:
        prob: Probability.

    Required keys: events. Modified keys: events.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Swap."""
        if np.random.rand() < self.prob:
            events = results['events'] = results['events'].copy()
            events['p'] = 1 - events['p']
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'


@TRANSFORMS.register_module()
class EventTimeReverse(BaseTransform):
    """Play the recording backwards: times are mirrored, and ON becomes OFF.

    Args:
        prob: Probability.

    Required keys: events. Modified keys: events.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Reverse."""
        if len(results['events']) and np.random.rand() < self.prob:
            events = results['events'] = results['events'][::-1].copy()
            events['t'] = events['t'][0] + events['t'][-1] - events['t']
            events['p'] = 1 - events['p']
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'


@TRANSFORMS.register_module()
class EventTimeJitter(BaseTransform):
    """Shift the time of each event by a normal random number; the order of time is restored.

    Args:
        std: Standard deviation in microseconds.

    Required keys: events. Modified keys: events.
    """

    def __init__(self, std: float = 100.0) -> None:
        self.std = std

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Shift."""
        events = results['events'].copy()
        events['t'] += np.rint(np.random.normal(0, self.std, len(events))).astype(np.int64)
        results['events'] = events[np.argsort(events['t'], kind='stable')]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(std={self.std})'

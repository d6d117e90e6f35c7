"""Augmentations of event recordings and event frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS


class _SometimesOnEvents(BaseTransform):
    """Changes a copy of the events of a sample with some probability.

    Args:
        prob: Probability.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change the events of a sample, or leave them."""
        if np.random.rand() < self.prob and len(results['events']):
            results['events'] = self.changed(results['events'].copy())
        return results

    def changed(self, events: np.ndarray) -> np.ndarray:
        """Events (N,) that may be overwritten -> the changed ones."""
        raise NotImplementedError(f'{type(self).__name__} must define changed.')

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'


@TRANSFORMS.register_module()
class EventPolarityFlip(_SometimesOnEvents):
    """Swap ON and OFF, as if bright and dark were swapped in the scene.

    Args:
        prob: Probability.

    Required keys: events. Modified keys: events.
    """

    def changed(self, events: np.ndarray) -> np.ndarray:
        """Swap the polarities of events (N,)."""
        events['p'] = 1 - events['p']
        return events


@TRANSFORMS.register_module()
class EventTimeReverse(_SometimesOnEvents):
    """Play the recording backwards: times are mirrored, and ON becomes OFF.

    Args:
        prob: Probability.

    Required keys: events. Modified keys: events.
    """

    def changed(self, events: np.ndarray) -> np.ndarray:
        """Mirror the times of events (N,) and swap their polarities."""
        events = events[::-1].copy()
        events['t'] = events['t'][0] + events['t'][-1] - events['t']
        events['p'] = 1 - events['p']
        return events


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


@TRANSFORMS.register_module()
class RandomRoll(BaseTransform):
    """Shift a picture by a random number of pixels; what leaves on one side enters on the other.

    For classification: boxes and masks cannot go round the edge.

    Args:
        max_shift: Largest shift in pixels, up, down, left and right.
        prob: Probability.

    Required keys: img. Modified keys: img.

    Raises:
        ValueError: The sample has boxes, masks or a label map.
    """

    def __init__(self, max_shift: int, prob: float = 1.0) -> None:
        self.max_shift = max_shift
        self.prob = prob

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Roll rows and columns; the channels, and so the frames, stay together."""
        places = {'gt_bboxes', 'gt_masks', 'gt_seg_map'} & set(results)
        if places:
            raise ValueError(
                f'RandomRoll is for classification, but the sample has {sorted(places)}: use '
                'RandomCrop there.'
            )
        if np.random.rand() < self.prob:
            shift = np.random.randint(-self.max_shift, self.max_shift + 1, 2)
            results['img'] = np.roll(results['img'], shift, (0, 1))
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(max_shift={self.max_shift}, prob={self.prob})'

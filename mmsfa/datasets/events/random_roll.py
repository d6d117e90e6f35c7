"""Roll a picture, and with it all T frames of an event tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS


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

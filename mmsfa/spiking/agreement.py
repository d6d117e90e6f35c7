"""How far two predictions for the same picture agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import torch
from torch import Tensor

SAME_BOX = 1e-4  # pixels: coordinates are real numbers, summed in another order
SAME_INSTANCE = 0.5  # IoU


@dataclass
class Agreement:
    """Predictions of two forms of one model, added up over pictures.

    Attributes:
        what: What is counted: instances, pixels or pictures.
        total: How many there are (of instances, the larger number of the two).
        agreeing: How many have a partner with the same label, and for instances the same place.
        largest: Largest difference of each real-valued output: boxes in pixels, scores, logits.
        differing_mask_pixels: Pixels that differ between the masks of paired instances.
    """

    what: str = ''
    total: int = 0
    agreeing: int = 0
    largest: dict[str, float] = field(default_factory=dict)
    differing_mask_pixels: int = 0

    @property
    def identical(self) -> bool:
        """Whether every label, mask and label map is the same and boxes differ by rounding only."""
        same_boxes = self.largest.get('boxes', 0.0) <= SAME_BOX
        finite = all(isfinite(value) for value in self.largest.values())
        same_masks = not self.differing_mask_pixels
        return self.agreeing == self.total and same_masks and same_boxes and finite

    def add(self, first: Any, second: Any) -> None:
        """Compare the data samples of one picture, of mmdet, mmseg or mmpretrain.

        Raises:
            ValueError: They hold no predictions that are known here.
        """
        if 'pred_instances' in first:
            self._add_instances(first.pred_instances, second.pred_instances)
        elif 'pred_sem_seg' in first:
            self._count('pixels', first.pred_sem_seg.data, second.pred_sem_seg.data)
            if 'seg_logits' in first:
                self._differ('logits', first.seg_logits.data, second.seg_logits.data)
        elif 'pred_label' in first:
            self._count('pictures', first.pred_label, second.pred_label)
            self._differ('scores', first.pred_score, second.pred_score)
        else:
            raise ValueError(
                'Expected a data sample with pred_instances, pred_sem_seg or pred_label, got one '
                f'with {sorted(first.keys())}: run the model in mode="predict".'
            )

    def _count(self, what: str, first: Tensor, second: Tensor) -> None:
        self.what = what
        self.total += first.numel()
        self.agreeing += int((first == second).sum())

    def _differ(self, name: str, first: Tensor, second: Tensor) -> None:
        if first.numel():
            gap = (first.double() - second.double()).abs().nan_to_num(torch.inf).max().item()
            self.largest[name] = max(self.largest.get(name, 0.0), gap)

    def _add_instances(self, first: Any, second: Any) -> None:
        self.what = 'instances'
        self.total += max(len(first), len(second))
        pairs = _pairs(first, second)
        self.agreeing += len(pairs)
        if not pairs:
            return
        mine, theirs = (list(side) for side in zip(*pairs, strict=True))
        self._differ('boxes', first.bboxes[mine], second.bboxes[theirs])
        self._differ('scores', first.scores[mine], second.scores[theirs])
        if 'masks' in first:
            differing = first.masks[mine] != second.masks[theirs]
            self.differing_mask_pixels += int(differing.sum())


def _pairs(first: Any, second: Any) -> list[tuple[int, int]]:
    """Pairs of the same label and place, each instance once.

    Equal predictions stand at the same place of both lists and come first: a box without area
    overlaps nothing. The others are paired by overlap, the best ones first.
    """
    from mmdet.structures.bbox import bbox_overlaps

    both = min(len(first), len(second))
    if not both:
        return []
    same = first.labels[:both] == second.labels[:both]
    same &= (first.bboxes[:both] - second.bboxes[:both]).abs().amax(1) <= SAME_BOX
    pairs = [(i, i) for i in same.nonzero().flatten().tolist()]
    overlaps = bbox_overlaps(first.bboxes, second.bboxes)
    overlaps[first.labels[:, None] != second.labels] = -1
    for i, _ in pairs:
        overlaps[i] = overlaps[:, i] = -1
    while overlaps.max() >= SAME_INSTANCE:
        mine, theirs = divmod(int(overlaps.argmax()), len(second))
        pairs.append((mine, theirs))
        overlaps[mine] = overlaps[:, theirs] = -1
    return pairs

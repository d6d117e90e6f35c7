"""How far two predictions for the same picture agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from mmengine.structures import BaseDataElement, InstanceData
from torch import Tensor

SAME_BOX = 1e-4  # pixels: coordinates are real numbers, summed in another order
SAME_INSTANCE = 0.5  # IoU
SAME_VALUE = 1e-4  # scores and logits, of their size where that is above 1


@dataclass
class Agreement:
    """Predictions of two forms of one model, added up over pictures.

    Attributes:
        what: What is counted: instances, pixels or pictures.
        total: How many there are (of instances, the larger number of the two).
        agreeing: How many have a partner with the same label, and for instances the same place.
        largest: Largest difference of each real-valued output: boxes in pixels, scores, logits.
        differing_mask_pixels: Pixels that differ between the masks of paired instances.
        differing_values: All other values that differ by more than rounding: scores, logits, and
            what else the model puts out.
    """

    what: str = ''
    total: int = 0
    agreeing: int = 0
    largest: dict[str, float] = field(default_factory=dict)
    differing_mask_pixels: int = 0
    differing_values: int = 0

    @property
    def identical(self) -> bool:
        """Whether all labels and masks are the same, and real values differ by rounding only."""
        same_boxes = self.largest.get('boxes', 0.0) <= SAME_BOX
        same_masks = not self.differing_mask_pixels
        same_values = not self.differing_values
        return self.agreeing == self.total and same_masks and same_boxes and same_values

    def add(self, first: Any, second: Any) -> None:
        """Compare the data samples of one picture, of mmdet, mmseg, mmpretrain or mmpose.

        Everything counts that a model puts there: all names but those of the ground truth.

        Raises:
            ValueError: They hold no predictions, or of a type that is not known here.
        """
        names = [name for name in _names(first) if _is_predicted(name)]
        if not names:
            raise ValueError(
                'Expected a data sample with pred_instances, pred_sem_seg or pred_label, got '
                f'{_shown(first)}: run the model in mode="predict".'
            )
        # The first of these is what the predictions are counted in.
        names.sort(key=lambda name: name not in ('pred_instances', 'pred_sem_seg', 'pred_label'))
        for place, name in enumerate(names):
            self._add(name, _member(first, name), _member(second, name), is_main=place == 0)

    def _add(self, name: str, first: Any, second: Any, is_main: bool) -> None:
        kind = name.removeprefix('seg_').removeprefix('pred_')
        if isinstance(first, InstanceData):
            self._add_instances(first, second, is_main)
        elif isinstance(first, BaseDataElement):  # maps: label maps, logits, heat maps
            for key in first.keys():  # noqa: SIM118  it is no dictionary
                mine, theirs = getattr(first, key), second.get(key)
                if isinstance(mine, (Tensor, np.ndarray)):
                    self._compare(kind, 'pixels', _tensor(mine), _tensor(theirs), is_main)
                else:
                    self._add(kind, mine, theirs, is_main=False)
        elif isinstance(first, (Tensor, np.ndarray)):
            kind = {'score': 'scores'}.get(kind, kind)
            self._compare(kind, 'pictures', _tensor(first), _tensor(second), is_main)
        elif isinstance(first, (float, np.floating)):
            one, other = (torch.tensor(x, dtype=torch.float64) for x in (first, second))
            self._differ(kind, one, other)
        elif isinstance(first, (list, tuple, dict)):
            self._add_several(name, first, second)
        elif first is None or isinstance(first, (str, int, np.integer)):
            self.differing_values += first != second
        else:
            raise ValueError(f'{name} is a {type(first).__name__}, which cannot be compared.')

    def _add_several(self, name: str, first: Any, second: Any) -> None:
        """Members of a list or dictionary one by one; one that has others differs."""
        keys = list(first) if isinstance(first, dict) else list(range(len(first)))
        others = list(second) if isinstance(second, dict) else list(range(len(second)))
        if keys != others:
            self.differing_values += max(len(keys), len(others))
            return
        for key in keys:
            self._add(name, first[key], second[key], is_main=False)

    def _compare(
        self, name: str, what: str, first: Tensor, second: Tensor, is_main: bool = False
    ) -> None:
        """Whole numbers must be equal, real ones but for rounding."""
        if first.shape != second.shape:  # another number of labels
            agreeing, total = 0, max(first.numel(), second.numel())
        elif first.is_floating_point():
            self._differ(name, first, second)
            return
        else:
            agreeing, total = int((first == second).sum()), first.numel()
        if is_main:
            self.what = what
            self.total += total
            self.agreeing += agreeing
        else:
            self.differing_values += total - agreeing

    def _differ(self, name: str, first: Tensor, second: Tensor) -> None:
        if first.numel():
            gap = (first.double() - second.double()).abs().nan_to_num(torch.inf)
            self.largest[name] = max(self.largest.get(name, 0.0), gap.max().item())
            if name != 'boxes':
                rounding = SAME_VALUE * first.double().abs().clamp(min=1)
                self.differing_values += int((~(gap <= rounding)).sum())

    def _add_instances(self, first: Any, second: Any, is_main: bool) -> None:
        pairs = _pairs(first, second)
        number = max(len(first), len(second))
        if is_main:
            self.what = 'instances'
            self.total += number
            self.agreeing += len(pairs)
        else:
            self.differing_values += number - len(pairs)
        if not pairs:
            return
        mine, theirs = (list(side) for side in zip(*pairs, strict=True))
        for name in first.keys():  # noqa: SIM118
            one, other = first[mine].get(name), second[theirs].get(name)
            if isinstance(one, (list, tuple)):  # such as texts
                self._add_several(name, one, other)
                continue
            one, other = _tensor(one), _tensor(other)
            if name == 'masks':
                self.differing_mask_pixels += int((one != other).sum())
            elif name == 'bboxes':
                self._differ('boxes', one, other)
            else:
                self._compare(name, 'instances', one, other)


def _names(sample: Any) -> list[str]:
    """Of what a model puts out for a picture; its own type may be a dictionary."""
    return list(sample.keys()) if hasattr(sample, 'keys') else []


def _member(sample: Any, name: str) -> Any:
    return sample[name] if isinstance(sample, dict) else getattr(sample, name, None)


def _shown(sample: Any) -> str:
    kind, names = type(sample).__name__, sorted(_names(sample))
    return f'one with {names}' if hasattr(sample, 'keys') else f'a {kind}'


def _is_predicted(name: str) -> bool:
    return not name.startswith(('gt_', 'ignored_', 'proposals'))


def _tensor(values: Any) -> Tensor:
    """What boxes of any kind, arrays and lists hold."""
    return torch.as_tensor(getattr(values, 'tensor', values))


def _pairs(first: Any, second: Any) -> list[tuple[int, int]]:
    """Pairs of the same label and place, each instance once.

    Equal predictions stand at the same place of both lists and come first: a box without area
    overlaps nothing. The others are paired by overlap, the best ones first; upright boxes only, for
    others overlap differently, and instances without boxes (poses) stand in a fixed order.
    """
    both = min(len(first), len(second))
    if not both:
        return []
    same = torch.ones(both, dtype=torch.bool)
    if 'labels' in first:
        same &= (first.labels[:both] == second.labels[:both]).cpu()
    if 'bboxes' in first:
        boxes, others = _tensor(first.bboxes), _tensor(second.bboxes)
        same &= ((boxes[:both] - others[:both]).abs().amax(1) <= SAME_BOX).cpu()
    pairs = [(i, i) for i in same.nonzero().flatten().tolist()]
    if 'bboxes' not in first or 'labels' not in first or boxes.shape[1] != 4:
        return pairs
    from mmdet.structures.bbox import bbox_overlaps

    overlaps = bbox_overlaps(boxes, others)
    overlaps[first.labels[:, None] != second.labels] = -1
    for i, _ in pairs:
        overlaps[i] = overlaps[:, i] = -1
    while overlaps.max() >= SAME_INSTANCE:
        mine, theirs = divmod(int(overlaps.argmax()), len(second))
        pairs.append((mine, theirs))
        overlaps[mine] = overlaps[:, theirs] = -1
    return pairs

"""Non-maximum suppression in the form of mmcv's extension."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mmsfa.runtime.suppress import areas_of, overlaps, suppress

from .torchvision_ops import in_float, torchvision_has


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int = 0) -> Tensor:
    """Keep a box unless one with a higher score overlaps it by more than the threshold.

    Args:
        boxes: Corners x1, y1, x2, y2, shape (N, 4).
        scores: Shape (N,).
        iou_threshold: Largest intersection over union of two boxes that both stay.
        offset: 1 where a box from 3 to 3 is one pixel wide, else 0.

    Returns:
        Numbers of the boxes that stay, highest score first, int64.
    """
    boxes, scores = in_float(boxes, scores)
    if offset:
        boxes = boxes + boxes.new_tensor([0, 0, offset, offset])
    if torchvision_has('nms', boxes):
        return torch.ops.torchvision.nms(boxes, scores, iou_threshold)
    order = scores.sort(stable=True, descending=True)[1]
    groups = suppress(boxes[order].cpu().numpy(), lambda iou: iou > iou_threshold)
    return order[[box for box, _ in groups]]


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Group each box that stays with those that it suppresses.

    Args:
        dets: Corners and scores, shape (N, 5).
        iou_threshold: Smallest intersection over union at which a box is suppressed.

    Returns:
        Numbers of the boxes of each group, highest score first.
    """
    order = dets[:, 4].sort(stable=True, descending=True)[1].cpu().numpy()
    groups = suppress(dets[order, :4].cpu().numpy(), lambda iou: iou >= iou_threshold)
    return [[int(order[box]), *order[gone()].tolist()] for box, gone in groups]


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int = 0,
) -> Tensor:
    """Lower the score of a box that overlaps a better one, instead of dropping it.

    Source: Bodla et al., "Soft-NMS", https://arxiv.org/abs/1704.04503.

    Args:
        boxes: Corners x1, y1, x2, y2, shape (N, 4).
        scores: Shape (N,).
        dets: Is filled with corners and new scores, shape (N, 5); as many rows as are returned.
        iou_threshold: Overlap from which the naive and the linear method act.
        sigma: Width of the Gaussian method.
        min_score: A box whose score falls below is dropped.
        method: 0 is naive (ordinary NMS), 1 linear, 2 Gaussian.
        offset: See :func:`nms`.

    Returns:
        Numbers of the boxes that stay in the order in which they were chosen, int64.
    """
    corners, left_scores = (x.cpu().numpy() for x in in_float(boxes, scores))
    wide = corners + np.array([0, 0, offset, offset], corners.dtype)
    areas = areas_of(wide)
    left: np.ndarray = np.arange(len(corners))
    left_scores = left_scores.copy()
    kept: list[int] = []
    while len(left):
        best = int(left_scores.argmax())
        chosen, score = left[best], left_scores[best]
        dets[len(kept), :4] = boxes[chosen]
        dets[len(kept), 4] = float(score)
        kept.append(int(chosen))
        left, left_scores = np.delete(left, best), np.delete(left_scores, best)
        one = slice(chosen, chosen + 1)
        iou = overlaps(wide[one], areas[one], wide[left], areas[left])[0]
        if method == 2:
            left_scores = left_scores * np.exp(-(iou * iou) / sigma)
        else:
            left_scores = np.where(
                iou >= iou_threshold, left_scores * (1 - iou if method == 1 else 0), left_scores
            )
        stays = left_scores >= min_score
        left, left_scores = left[stays], left_scores[stays]
    return torch.tensor(kept, dtype=torch.long)

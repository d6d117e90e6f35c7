"""Which boxes have to go because a better one covers them, on NumPy alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

BLOCK = 256  # boxes whose overlaps are held at once
SPLIT = 10000  # boxes from which mmcv goes through the groups one by one


def suppress(
    boxes: np.ndarray, suppresses: Callable[[np.ndarray], np.ndarray]
) -> Iterator[tuple[int, int]]:
    """Each box that stays and, as the bits of a number, those that it suppresses.

    Args:
        boxes: Corners, highest score first, shape (N, 4).
        suppresses: Tells from overlaps, shape (...), where the second box has to go.
    """
    areas = areas_of(boxes)
    gone = 0  # one operation on a long number is faster than one on an array of N flags
    for begin in range(0, len(boxes), BLOCK):
        block = slice(begin, begin + BLOCK)
        hits = suppresses(overlaps(boxes[block], areas[block], boxes[begin:], areas[begin:]))
        for box, row in enumerate(np.packbits(hits, axis=1, bitorder='little'), begin):
            if not gone >> box & 1:
                worse = int.from_bytes(row.tobytes(), 'little') << begin & -2 << box
                its_own = worse & ~gone
                gone |= its_own
                yield box, its_own


def areas_of(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) -> (N,)."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def overlaps(
    boxes: np.ndarray, areas: np.ndarray, others: np.ndarray, other_areas: np.ndarray
) -> np.ndarray:
    """Intersection over union of (N, 4) with (M, 4), shape (N, M); 0 where both have no area."""
    shared = np.ones((), boxes.dtype)
    for axis in (0, 1):
        first = np.maximum(boxes[:, None, axis], others[:, axis])
        last = np.minimum(boxes[:, None, axis + 2], others[:, axis + 2])
        shared = shared * (last - first).clip(0)
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.nan_to_num(shared / (areas[:, None] + other_areas - shared), nan=0.0)


def best_first(scores: np.ndarray) -> np.ndarray:
    """Places of the scores from the highest to the lowest; equal ones keep their order."""
    return np.argsort(-scores, kind='stable')


def nms(
    boxes: np.ndarray, scores: np.ndarray, groups: np.ndarray, iou_threshold: float
) -> np.ndarray:
    """Non-maximum suppression inside of each group, as mmcv's ``batched_nms`` does it.

    The boxes of each group are moved to a place of their own, so one pass serves all; from `SPLIT`
    boxes on, each group has its pass. Both in float32, with mmcv's roundings.

    Args:
        boxes: Corners, float32, shape (N, 4).
        scores: Shape (N,).
        groups: Class or level of each box, shape (N,).
        iou_threshold: Largest overlap of two boxes that both stay.

    Returns:
        Places of the boxes that stay, highest score first.
    """
    if not len(boxes):
        return np.zeros(0, np.int64)
    step = boxes.max() + boxes.dtype.type(1)
    moved = boxes + (groups.astype(boxes.dtype) * step)[:, None]
    parts: list[np.ndarray] = [np.arange(len(boxes))]
    if len(boxes) >= SPLIT:
        parts = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    kept = np.sort(np.concatenate([_kept(moved, scores, part, iou_threshold) for part in parts]))
    return kept[best_first(scores[kept])]


def _kept(
    boxes: np.ndarray, scores: np.ndarray, part: np.ndarray, iou_threshold: float
) -> np.ndarray:
    order = part[best_first(scores[part])]
    return order[[box for box, _ in suppress(boxes[order], lambda iou: iou > iou_threshold)]]

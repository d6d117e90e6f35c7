"""Which boxes have to go because a better one covers them, on NumPy alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

BLOCK = 256  # boxes whose overlaps are held at once
SPLIT = 10000  # boxes from which mmcv goes through the groups one by one


def suppress(
    boxes: np.ndarray, suppresses: Callable[[np.ndarray], np.ndarray]
) -> Iterator[tuple[int, Callable[[], np.ndarray]]]:
    """Each box that stays, and a function that gives the places of those that it suppresses.

    Args:
        boxes: Corners, highest score first, shape (N, 4).
        suppresses: Tells from overlaps, shape (...), where the second box has to go.
    """
    areas, left = areas_of(boxes), np.arange(len(boxes))
    while len(left):
        block = left[:BLOCK]
        hits = suppresses(overlaps(boxes[block], areas[block], boxes[left], areas[left]))
        gone = 0  # one operation on a long number is faster than one on an array of N flags
        for row, packed in enumerate(np.packbits(hits, axis=1, bitorder='little')):
            if not gone >> row & 1:
                its_own = int.from_bytes(packed.tobytes(), 'little') & -2 << row & ~gone
                gone |= its_own
                yield int(block[row]), partial(_places, its_own, left)
        left = left[BLOCK:][~_flags(gone, len(left))[BLOCK:]]


def _places(bits: int, left: np.ndarray) -> np.ndarray:
    return left[_flags(bits, len(left))]


def _flags(bits: int, count: int) -> np.ndarray:
    packed = np.frombuffer(bits.to_bytes(count // 8 + 1, 'little'), np.uint8)
    return np.unpackbits(packed, count=count, bitorder='little').astype(bool)


def areas_of(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) -> (N,)."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def overlaps(
    boxes: np.ndarray, areas: np.ndarray, others: np.ndarray, other_areas: np.ndarray
) -> np.ndarray:
    """Intersection over union of (N, 4) with (M, 4), shape (N, M); 0 where both have no area."""
    shared, side = (np.empty((len(boxes), len(others)), boxes.dtype) for _ in range(2))
    for axis, out in enumerate((shared, side)):
        np.minimum(boxes[:, None, axis + 2], others[:, axis + 2], out=out)
        out -= np.maximum(boxes[:, None, axis], others[:, axis])
        np.maximum(out, 0, out=out)
    shared *= side
    union = np.add(areas[:, None], other_areas, out=side)
    union -= shared
    with np.errstate(invalid='ignore', divide='ignore'):
        shared /= union
    shared[np.isnan(shared)] = 0
    return shared


def best_first(scores: np.ndarray) -> np.ndarray:
    """Places of the scores from the highest to the lowest; equal ones keep their order."""
    return np.argsort(-scores, kind='stable')


def nms(
    boxes: np.ndarray, scores: np.ndarray, groups: np.ndarray, iou_threshold: float
) -> np.ndarray:
    """Non-maximum suppression inside of each group, as mmcv's ``batched_nms`` does it.

    The boxes of each group are moved to a place of their own, as there, for the same roundings in
    float32. Then each group has its pass, unless corners below 0 reach into the group before.

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
    if len(boxes) >= SPLIT or boxes.min() >= 0:
        parts = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    kept = np.sort(np.concatenate([_kept(moved, scores, part, iou_threshold) for part in parts]))
    return kept[best_first(scores[kept])]


def _kept(
    boxes: np.ndarray, scores: np.ndarray, part: np.ndarray, iou_threshold: float
) -> np.ndarray:
    order = part[best_first(scores[part])]
    return order[[box for box, _ in suppress(boxes[order], lambda iou: iou > iou_threshold)]]

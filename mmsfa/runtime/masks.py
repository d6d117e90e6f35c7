"""Masks of instances: small ones into the picture, and into COCO's run lengths."""

from __future__ import annotations

import numpy as np


def paste(
    masks: np.ndarray, boxes: np.ndarray, size: tuple[int, int], threshold: float
) -> np.ndarray:
    """Masks of a whole picture from those of boxes, as mmdet pastes them on a CPU.

    Args:
        masks: Shares in each box, (N, h, w).
        boxes: Corners in pixels of the picture, (N, 4).
        size: Height and width of the picture.
        threshold: Share from which a pixel belongs to an instance.

    Returns:
        Booleans, (N, height, width).
    """
    height, width = size
    pasted = np.zeros((len(masks), height, width), bool)
    for mask, box, out in zip(masks, boxes, pasted, strict=True):
        x0, y0 = np.maximum(np.floor(box[:2]) - 1, 0).astype(int)
        x1 = int(min(np.ceil(box[2]) + 1, width))
        y1 = int(min(np.ceil(box[3]) + 1, height))
        down = _shares(y0, y1, box[1], box[3], mask.shape[0])
        along = _shares(x0, x1, box[0], box[2], mask.shape[1])
        out[y0:y1, x0:x1] = down @ mask @ along.T >= threshold
    return pasted


def _shares(begin: int, end: int, low: float, high: float, cells: int) -> np.ndarray:
    """Weights (end - begin, cells) of the cells of a mask for the pixels of an axis.

    As ``grid_sample``: bilinear, and 0 outside of the mask. A box without extent has its only
    place in the middle of the mask.
    """
    pixels = np.arange(begin, end, dtype=np.float32) + np.float32(0.5)
    with np.errstate(divide='ignore', invalid='ignore'):
        place = (pixels - low) / (high - low) * 2 - 1
    place[np.isinf(place)] = 0
    place = ((place + 1) * cells - 1) / 2
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(cells, dtype=np.float32)))


def run_lengths(mask: np.ndarray) -> list[int]:
    """Lengths of the runs of a mask, column by column, beginning with a run of zeros.

    Args:
        mask: Booleans, (height, width).
    """
    flat = mask.ravel(order='F')
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff([0, *changes, len(flat)]).tolist()
    return [0, *runs] if flat[0] else runs


def encode(mask: np.ndarray) -> dict[str, list[int] | str]:
    """COCO's run lengths of a mask, as pycocotools writes them.

    Five bits a character, from 48 on; 32 says that there are more. From the fourth run on, the
    difference to the run before the last one is written.

    Args:
        mask: Booleans, (height, width).

    Returns:
        ``size`` and ``counts``.
    """
    runs = run_lengths(mask)
    text = []
    for number, run in enumerate(runs):
        x = run - runs[number - 2] if number > 2 else run
        more = True
        while more:
            bits, x = x & 31, x >> 5
            more = x != -1 if bits & 16 else x != 0
            text.append(chr(48 + (bits | 32 * more)))
    return dict(size=[int(n) for n in mask.shape], counts=''.join(text))

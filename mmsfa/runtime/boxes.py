"""Anchors and what heads make of them: mmdet's priors and box coders, on NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

Settings = dict[str, Any]


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def softmax(x: np.ndarray) -> np.ndarray:
    """Shares along the last axis."""
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def rows(x: np.ndarray, width: int) -> np.ndarray:
    """A map of one picture, (1, A * width, H, W), as rows (H * W * A, width)."""
    return x[0].transpose(1, 2, 0).reshape(-1, width)


def anchors_of(level: Settings, height: int, width: int) -> np.ndarray:
    """The priors of one level.

    Args:
        level: ``base``, the anchors of the first place, (A, 4) or of points (A, 2); ``stride``,
            of width and height.
        height: Rows of the map.
        width: Its columns.

    Returns:
        Corners (or points) of the anchors of each place, row by row, (height * width * A, 4).
    """
    base = np.asarray(level['base'], np.float32)
    stride_x, stride_y = level['stride']
    x = np.arange(width, dtype=np.float32) * np.float32(stride_x)
    y = np.arange(height, dtype=np.float32) * np.float32(stride_y)
    yy, xx = np.meshgrid(y, x, indexing='ij')
    shifts = np.stack([xx.ravel(), yy.ravel()] * (base.shape[1] // 2), -1)
    return (base + shifts[:, None]).reshape(-1, base.shape[1])


def decode(
    coder: Settings, priors: np.ndarray, encoded: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Boxes from what a head says of its priors.

    Args:
        coder: Settings of mmdet's coder; ``type`` is ``'delta'`` or ``'distance'``.
        priors: Boxes (N, 4) or points (N, 2).
        encoded: (N, 4).
        size: Height and width of the picture, without padding.

    Returns:
        Corners x1, y1, x2, y2, shape (N, 4).
    """
    boxes = DECODERS[coder['type']](coder, priors, encoded)
    return clipped(boxes, size) if coder['clip_border'] else boxes


def _decode_deltas(coder: Settings, priors: np.ndarray, encoded: np.ndarray) -> np.ndarray:
    """Mmdet's ``DeltaXYWHBBoxCoder``."""
    stds, means = (np.asarray(coder[key], np.float32) for key in ('stds', 'means'))
    deltas = encoded * stds + means
    centre = (priors[:, :2] + priors[:, 2:]) * np.float32(0.5)
    size = priors[:, 2:] - priors[:, :2]
    shift, growth = size * deltas[:, :2], deltas[:, 2:]
    limit = np.float32(abs(np.log(16 / 1000)))
    if coder['add_ctr_clamp']:
        shift = shift.clip(-coder['ctr_clamp'], coder['ctr_clamp'])
        growth = np.minimum(growth, limit)
    else:
        growth = growth.clip(-limit, limit)
    centre, half = centre + shift, size * np.exp(growth) * np.float32(0.5)
    return np.concatenate([centre - half, centre + half], -1)


def _decode_distances(coder: Settings, points: np.ndarray, encoded: np.ndarray) -> np.ndarray:
    """Mmdet's ``DistancePointBBoxCoder``: distances to left, top, right, bottom."""
    return np.concatenate([points - encoded[:, :2], points + encoded[:, 2:]], -1)


DECODERS = {'delta': _decode_deltas, 'distance': _decode_distances}


def decode_yolo(anchors: np.ndarray, encoded: np.ndarray, stride: float) -> np.ndarray:
    """Mmdet's ``YOLOBBoxCoder``.

    Args:
        anchors: (N, 4).
        encoded: Places in the cell, 0..1, and logarithms of growth, (N, 4).
        stride: Pixels of a cell.
    """
    half = np.float32(0.5)
    centre = (anchors[:, :2] + anchors[:, 2:]) * half + (encoded[:, :2] - half) * np.float32(stride)
    extent = (anchors[:, 2:] - anchors[:, :2]) * half * np.exp(encoded[:, 2:])
    return np.concatenate([centre - extent, centre + extent], -1)


def clipped(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes inside of a picture of this height and width."""
    height, width = size
    return boxes.clip(0, np.array([width, height] * 2, boxes.dtype))


def to_original(boxes: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """Boxes of the resized picture in pixels of the original one, as `scale_boxes` multiplies."""
    return boxes * np.array([1 / factor for factor in scale] * 2).astype(boxes.dtype)

"""Resizing of pictures and of maps: what OpenCV, Pillow and torch compute, without them.

Pictures of bytes are resized as OpenCV's ``INTER_LINEAR`` does it, in its own integers: equal bit
for bit. mmcv resizes with it, unless a config says ``backend='pillow'``.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

BITS = 11  # of OpenCV's weights
PILLOW = {
    'nearest': Image.Resampling.NEAREST,
    'bilinear': Image.Resampling.BILINEAR,
    'bicubic': Image.Resampling.BICUBIC,
    'lanczos': Image.Resampling.LANCZOS,
    'box': Image.Resampling.BOX,
    'hamming': Image.Resampling.HAMMING,
}


def resize_picture(
    picture: np.ndarray, height: int, width: int, backend: str, interpolation: str
) -> np.ndarray:
    """Resize a picture as mmcv's ``imresize`` does it.

    Args:
        picture: Bytes, shape (H, W, C).
        height: New height.
        width: New width.
        backend: ``'cv2'``, which knows ``'bilinear'`` alone here, or ``'pillow'``.
        interpolation: A name of mmcv.

    Returns:
        Shape (height, width, C).
    """
    if backend == 'pillow':
        resized = Image.fromarray(picture).resize((width, height), PILLOW[interpolation])
        return np.asarray(resized)
    return _as_opencv(picture, height, width)


def _as_opencv(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    H, W = picture.shape[:2]
    if (height, width) == (H, W):
        return picture
    x = picture.astype(np.int32)
    if (2 * height, 2 * width) == (H, W):  # OpenCV takes the mean of four here
        four = x[::2, ::2] + x[::2, 1::2] + x[1::2, ::2] + x[1::2, 1::2]
        return ((four + 2) >> 2).astype(np.uint8)
    first, second, left, right = _taps(W, width, edge=True)
    x = (x[:, first] * left[:, None] + x[:, second] * right[:, None]) >> 4
    first, second, top, bottom = _taps(H, height, edge=False)
    x = (x[first] * top[:, None, None] >> 16) + (x[second] * bottom[:, None, None] >> 16)
    return ((x + 2) >> 2).clip(0, 255).astype(np.uint8)


def _taps(size: int, new: int, edge: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Places and integer weights of the two pixels that each new one is made of.

    Args:
        size: Old size of an axis.
        new: Its new size.
        edge: Whether one pixel alone counts at the edge, as along a row; down a column OpenCV
            weighs the same pixel twice, which rounds differently.
    """
    place = ((np.arange(new) + 0.5) * (size / new) - 0.5).astype(np.float32)
    first = np.floor(place).astype(np.int64)
    second = first + 1
    share = place - first.astype(np.float32)
    if edge:
        share[(first < 0) | (second >= size)] = 0
    ones = np.float32(1 << BITS)
    right = np.rint(share * ones).astype(np.int32)
    left = np.rint((np.float32(1) - share) * ones).astype(np.int32)
    return first.clip(0, size - 1), second.clip(0, size - 1), left, right


def resize_map(x: np.ndarray, height: int, width: int, align_corners: bool) -> np.ndarray:
    """Resize real maps as torch's bilinear ``interpolate`` does it.

    Args:
        x: Float32, shape (..., H, W).
        height: New height.
        width: New width.
        align_corners: As in torch.

    Returns:
        Float32, shape (..., height, width).
    """
    if x.shape[-2:] == (height, width):
        return x
    first, second, share = _real_taps(x.shape[-1], width, align_corners)
    x = x[..., first] * (1 - share) + x[..., second] * share
    first, second, share = _real_taps(x.shape[-2], height, align_corners)
    share = share[:, None]
    return x[..., first, :] * (1 - share) + x[..., second, :] * share


def _real_taps(
    size: int, new: int, align_corners: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    places = np.arange(new, dtype=np.float32)
    if align_corners:
        place = places * np.float32((size - 1) / (new - 1) if new > 1 else 0)
    else:
        half = np.float32(0.5)
        place = ((places + half) * np.float32(size / new) - half).clip(0)
    first = place.astype(np.int64).clip(0, size - 1)
    return first, (first + 1).clip(0, size - 1), place - first.astype(np.float32)

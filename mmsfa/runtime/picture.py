"""From a picture to the image that a graph reads: the test pipeline of a config, on NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from mmsfa.errors import UserError

from .resize import resize_picture


class PictureError(UserError):
    """A picture cannot be read, or is none."""


@dataclass
class Prepared:
    """A picture as a graph reads it.

    Attributes:
        image: Normalised and padded, float32, shape (1, C, H, W).
        size: Height and width behind the steps, before padding.
        original_size: Height and width of the picture.
        scale: Width and height behind the steps, divided by those of the picture.
    """

    image: np.ndarray
    size: tuple[int, int]
    original_size: tuple[int, int]
    scale: tuple[float, float]


def read_picture(picture: str | Path | np.ndarray) -> np.ndarray:
    """A picture as red, green and blue bytes, upright, as OpenCV reads it.

    Args:
        picture: A file that Pillow can read; or an array of bytes, shape (H, W, 3), in the order
            red, green, blue.

    Raises:
        PictureError: It is neither.
    """
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise PictureError(
                'A picture must be uint8 of shape (height, width, 3) in the order red, green, '
                f'blue, got {picture.dtype} of shape {picture.shape}.'
            )
        return picture
    try:
        with Image.open(picture) as opened:
            upright = ImageOps.exif_transpose(opened)
            if upright.mode.startswith('I;16'):  # OpenCV keeps the upper byte
                upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            return np.asarray(upright.convert('RGB'))
    except (OSError, Image.DecompressionBombError) as error:
        raise PictureError(f'{picture} cannot be read as a picture: {error}') from error


def prepare(picture: np.ndarray, settings: dict[str, Any]) -> Prepared:
    """Resize, crop, normalise and pad a picture.

    Args:
        picture: Red, green and blue bytes, shape (H, W, 3).
        settings: ``picture`` of a `Folder`.
    """
    original = (picture.shape[0], picture.shape[1])
    x, scale = picture, (1.0, 1.0)
    for step in settings['steps']:
        x, scale = STEPS[step['type']](x, scale, step)
    size = (x.shape[0], x.shape[1])
    if settings['channels'] == 'bgr':
        x = x[..., ::-1]
    image = x.transpose(2, 0, 1).astype(np.float32)
    if settings['mean'] is not None:
        mean, std = (
            np.asarray(settings[key], np.float32)[:, None, None] for key in ('mean', 'std')
        )
        image = (image - mean) / std
    height, width = _padded(size, settings)
    image = np.pad(
        image,
        ((0, 0), (0, height - size[0]), (0, width - size[1])),
        constant_values=settings['pad_value'],
    )
    return Prepared(image[None], size, original, scale)


def _padded(size: tuple[int, int], settings: dict[str, Any]) -> tuple[int, int]:
    if settings['pad_size'] is not None:
        height, width = settings['pad_size']
        return max(height, size[0]), max(width, size[1])
    divisor = settings['pad_divisor']
    return -(-size[0] // divisor) * divisor, -(-size[1] // divisor) * divisor


Scale = tuple[float, float]
Step = dict[str, Any]


def _resize_to(x: np.ndarray, height: int, width: int, step: Step) -> tuple[np.ndarray, Scale]:
    resized = resize_picture(x, height, width, step['backend'], step['interpolation'])
    return resized, (width / x.shape[1], height / x.shape[0])


def _resize(x: np.ndarray, _scale: Scale, step: Step) -> tuple[np.ndarray, Scale]:
    """Mmcv's ``Resize``: into a rectangle, or to its size."""
    H, W = x.shape[:2]
    if step['scale'] is None:
        width, height = (int(n * f + 0.5) for n, f in zip((W, H), step['factor'], strict=True))
    else:
        width, height = step['scale']
    if step['keep_ratio']:
        factor = min(max(width, height) / max(H, W), min(width, height) / min(H, W))
        width, height = int(W * factor + 0.5), int(H * factor + 0.5)
    return _resize_to(x, height, width, step)


def _resize_edge(x: np.ndarray, _scale: Scale, step: Step) -> tuple[np.ndarray, Scale]:
    """Mmpretrain's ``ResizeEdge``."""
    H, W = x.shape[:2]
    edge, size = step['edge'], step['scale']
    if edge == 'width' or (edge == 'short' and W < H) or (edge == 'long' and W > H):
        return _resize_to(x, int(size * H / W), size, step)
    return _resize_to(x, size, int(size * W / H), step)


def _center_crop(x: np.ndarray, scale: Scale, step: Step) -> tuple[np.ndarray, Scale]:
    """Mmpretrain's ``CenterCrop``; what is smaller stays as it is."""
    height, width = step['size']
    top = max(0, round((x.shape[0] - height) / 2.0))
    left = max(0, round((x.shape[1] - width) / 2.0))
    return x[top : top + height, left : left + width], scale


STEPS = {'resize': _resize, 'resize_edge': _resize_edge, 'center_crop': _center_crop}

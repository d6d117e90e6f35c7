"""Classes of pixels: whole pictures or sliding windows, back to the size of the picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from .folder import Folder
from .picture import Prepared
from .resize import resize_map
from .results import Segmentation

Settings = dict[str, Any]


def segment(folder: Folder, picture: Prepared) -> Segmentation:
    """What mmseg's ``EncoderDecoder`` makes of a picture.

    Args:
        folder: The exported model.
        picture: The picture as the graph reads it.
    """
    settings = folder.settings['segmentation']
    image = picture.image
    logits = _slide(folder, image) if settings['windows'] else _logits(folder, image)
    height, width = picture.size
    logits = logits[..., :height, :width]  # padding stands at the right and at the bottom
    logits = resize_map(logits, *picture.original_size, settings['align_corners'])
    if len(logits) == 1:  # of two classes, one tells them apart: above a half, logits are positive
        share = 1 / (1 + np.exp(-logits[0]))
        return Segmentation((share > settings['threshold']).astype(np.int64))
    return Segmentation(logits.argmax(0))


def _logits(folder: Folder, image: np.ndarray) -> np.ndarray:
    """(1, C, H, W) -> (classes, H, W)."""
    scores = folder.run('dense', image=image)['scores'][0]
    align_corners = folder.settings['segmentation']['align_corners']
    height, width = image.shape[-2:]
    return resize_map(scores, height, width, align_corners)


def _slide(folder: Folder, image: np.ndarray) -> np.ndarray:
    """The mean of windows that overlap, (classes, H, W)."""
    windows = folder.settings['segmentation']['windows']
    total: np.ndarray | float = 0.0
    size = image.shape[-2:]
    number = np.zeros(size, np.float32)
    places = [_places(*axis) for axis in zip(size, windows['size'], windows['stride'], strict=True)]
    for rows in places[0]:
        for columns in places[1]:
            logits = _logits(folder, image[..., rows, columns])
            if not number.any():
                total = np.zeros((len(logits), *size), np.float32)
            total[:, rows, columns] += logits  # type: ignore[index]
            number[rows, columns] += 1
    return total / number


def _places(size: int, window: int, stride: int) -> list[slice]:
    """Where windows lie along an axis; the last ones are moved back into the picture."""
    count = max(size - window + stride - 1, 0) // stride + 1
    ends = [min(i * stride + window, size) for i in range(count)]
    return [slice(max(end - window, 0), end) for end in ends]

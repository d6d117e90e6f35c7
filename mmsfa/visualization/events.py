"""Pictures of event tensors: red where it became brighter, blue where it became darker."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmpretrain.registry import VISUALIZERS
from mmpretrain.visualization import UniversalVisualizer

Array = np.ndarray

SMALLEST_EDGE = 128  # pixels: text on a smaller picture cannot be read


def render_events(events: Array, tile: bool = False) -> Array:
    """Draw an event tensor on white.

    Args:
        events: Counts or weights, shape (H, W, T*2), OFF before ON, any number type.
        tile: Show the T frames side by side instead of their sum.

    Returns:
        RGB, uint8, shape (H, W, 3), or (H, T*W, 3) with ``tile``. The strongest colour stands for
        the 99th percentile of the pixels that have events, so that a hot pixel does not pale the
        rest.

    Raises:
        ValueError: The number of channels is odd.
    """
    if events.ndim != 3 or events.shape[-1] % 2:
        raise ValueError(
            'An event tensor must have the shape (H, W, T*2) with the channels OFF and ON of each '
            f'of T steps, got {events.shape}.'
        )
    height, width, channels = events.shape
    frames: np.ndarray = events.astype(np.float32)
    frames = frames.reshape(height, width, channels // 2, 2)  # (H, W, T, 2)
    if tile:
        frames = frames.transpose(0, 2, 1, 3).reshape(height, -1, 2)  # (H, T*W, 2)
    else:
        frames = frames.sum(2)
    active = frames[frames > 0]
    level = np.percentile(active, 99) if active.size else 1
    off, on = np.moveaxis(np.clip(frames / level, 0, 1), -1, 0)
    colours = np.stack([1 - off, 1 - np.maximum(off, on), 1 - on], -1)  # (H, W, RGB)
    return np.rint(255 * colours).astype(np.uint8)


@VISUALIZERS.register_module()
class EventVisualizer(UniversalVisualizer):
    """mmpretrain's visualizer for event tensors; pictures of three channels stay as they are."""

    def visualize_cls(self, image: Array, *args: Any, **kwargs: Any) -> Array:
        """Draw an event tensor (H, W, T*2) with its labels; see mmpretrain."""
        if image.shape[-1] != 3:
            image = render_events(image)
            factor = -(-SMALLEST_EDGE // min(image.shape[:2]))
            size = image.shape[1] * factor, image.shape[0] * factor
            image = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
        return super().visualize_cls(image, *args, **kwargs)

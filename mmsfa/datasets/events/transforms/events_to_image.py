"""From a list of events to the picture of T*C channels that a network takes."""

from __future__ import annotations

from typing import Any, Literal

from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from mmsfa.datasets.events.tensors import count_frames, voxel_grid


@TRANSFORMS.register_module()
class EventsToImage(BaseTransform):
    """Make an event tensor, as a "picture" that every later transform of pictures accepts.

    Args:
        T: Number of real time steps.
        by: ``'count'``: equally many events a step; ``'time'``: equally long steps; ``'voxel'``:
            each event is shared out between the two nearest moments.
        signed: ON minus OFF in one channel a step instead of two channels; with ``'voxel'`` only.
        clip: Largest absolute value; None keeps all. A hot pixel then cannot outweigh the rest.

    Required keys: events, img_shape.
    Added keys: img, float32, shape (H, W, T*2), or (H, W, T) with ``signed``; time is the slow part
    of the channel axis, OFF comes before ON.

    Raises:
        ValueError: A setting is out of its range.
    """

    def __init__(
        self,
        T: int,
        by: Literal['count', 'time', 'voxel'] = 'count',
        signed: bool = False,
        clip: float | None = None,
    ) -> None:
        if by not in ('count', 'time', 'voxel'):
            raise ValueError(f"by must be 'count', 'time' or 'voxel', got {by!r}.")
        if signed and by != 'voxel':
            raise ValueError(f"signed=True needs by='voxel', got by={by!r}.")
        if clip is not None and not clip > 0:
            raise ValueError(f'clip must be None or a number > 0, got {clip!r}.')
        self.T = T
        self.by = by
        self.signed = signed
        self.clip = clip

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``img``."""
        events, shape = results['events'], results['img_shape']
        if self.by == 'voxel':
            image = voxel_grid(events, shape, self.T, self.signed)
        else:
            image = count_frames(events, shape, self.T, self.by)
        if self.clip is not None:
            image = image.clip(-self.clip, self.clip)
        results['img'] = image
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(T={self.T}, by={self.by!r}, signed={self.signed}, '
            f'clip={self.clip})'
        )

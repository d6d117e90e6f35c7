"""HAR-DVS clips: grey pictures of events, turned into two channels by the published rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from mmsfa.datasets.suffixes import PICTURES
from mmsfa.errors import UserError

Array = np.ndarray

DARK = 0.12
BRIGHT = (0.3, 0.78)


def two_channels(grey: Array) -> Array:
    """Tell the two kinds of events in a grey picture apart.

    Channel 0 is grey < 0.12, channel 1 is 0.3 < grey <= 0.78. Source: the published event-camera
    model of E-SpikeFormer, https://arxiv.org/abs/2411.16061.

    Args:
        grey: Brightness in 0..1, shape (H, W).

    Returns:
        Zeros and ones, float32, shape (H, W, 2).
    """
    return np.stack([grey < DARK, (grey > BRIGHT[0]) & (grey <= BRIGHT[1])], -1).astype(np.float32)


@TRANSFORMS.register_module()
class LoadEventFrames(BaseTransform):
    """Read T successive frames of a clip, a folder of pictures in the order of their names.

    A clip of fewer frames is followed by empty ones.

    Args:
        T: Number of frames.
        start: ``'random'`` for training, ``'middle'`` for a fixed place in the middle of the clip.

    Required keys: img_path (the folder).
    Added keys: img, float32, shape (H, W, T*2), time is the slow part of the channel axis;
    img_shape, ori_shape.

    Raises:
        UserError: The folder has no pictures, or a picture cannot be read or has another size.
        ValueError: A setting is out of its range.
    """

    def __init__(self, T: int = 8, start: Literal['random', 'middle'] = 'random') -> None:
        if not isinstance(T, int) or T < 1:
            raise ValueError(f'T (the number of frames) must be an integer >= 1, got {T!r}.')
        if start not in ('random', 'middle'):
            raise ValueError(f"start must be 'random' or 'middle', got {start!r}.")
        self.T = T
        self.start = start

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read."""
        folder = Path(results['img_path'])
        found = folder.iterdir() if folder.is_dir() else ()
        files = sorted(path for path in found if path.suffix.lower() in PICTURES)
        if not files:
            raise UserError(
                f'Expected a folder of pictures ({", ".join(PICTURES)}), one a frame, but '
                f'{folder} has none: mend the list file or data_prefix.'
            )
        spare = max(len(files) - self.T, 0)
        first = np.random.randint(spare + 1) if self.start == 'random' else spare // 2
        frames = [_read(path) for path in files[first : first + self.T]]
        shape = frames[0].shape
        for path, frame in zip(files[first:], frames, strict=False):
            if frame.shape != shape:
                raise UserError(
                    f'All frames of a clip must have one size, but {path} has {frame.shape[:2]} '
                    f'instead of {shape[:2]}: make the clip anew.'
                )
        frames += [np.zeros_like(frames[0])] * (self.T - len(frames))
        results.update(img=np.concatenate(frames, -1), img_shape=shape[:2], ori_shape=shape[:2])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(T={self.T}, start={self.start!r})'


def _read(path: Path) -> Array:
    """One frame, shape (H, W, 2)."""
    data = path.read_bytes()
    picture = mmcv.imfrombytes(data, flag='grayscale', backend='cv2') if data else None
    if picture is None:
        raise UserError(f'{path} cannot be read as a picture: it is empty or broken.')
    return two_channels(picture.reshape(picture.shape[:2]) / 255)

"""Simulated events: what an event camera would see of a moving picture."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from mmsfa.datasets.signals.encoding import AdaptiveThreshold, tae_encode

Array = np.ndarray

DARKEST = 0.05  # added to brightness 0..1 before the logarithm: a camera does not see black noise


def moving_frames(picture: Array, T: int, speed: float, direction: float) -> Array:
    """Move a picture along T of the T + 1 sides of a regular polygon, back to its place.

    So edges of every direction move across their own line at some time, as with the saccades that
    N-MNIST was recorded with.

    Args:
        picture: Shape (H, W).
        T: Number of steps.
        speed: Pixels a step.
        direction: Where the polygon's centre lies from the picture's place, in radians.

    Returns:
        Shape (T + 1, H, W); the last frame is the picture itself.
    """
    height, width = picture.shape
    radius = speed / (2 * np.sin(np.pi / (T + 1)))
    angles = direction + 2 * np.pi * np.arange(-T, 1) / (T + 1)
    shifts = radius * np.stack(
        [np.cos(angles) - np.cos(direction), np.sin(angles) - np.sin(direction)], -1
    )
    moved = [
        cv2.warpAffine(
            picture,
            np.array([[1, 0, right], [0, 1, down]]),
            (width, height),
            borderMode=cv2.BORDER_REFLECT_101,
        )
        for right, down in shifts[:-1]
    ]
    return np.stack([*moved, picture])


def frames_to_events(frames: Array, threshold: float) -> Array:
    """Count the events between successive frames.

    A pixel fires each time its logarithmic brightness has moved by the threshold since its last
    event; what is left over is remembered. Source: Rebecq et al., "ESIM: an Open Event Camera
    Simulator", CoRL 2018.

    Args:
        frames: Logarithmic brightness, shape (T + 1, H, W).
        threshold: Contrast threshold.

    Returns:
        Counts, float32, shape (H, W, T*2), OFF before ON.
    """
    first, *later = frames / threshold
    level = first.copy()
    channels = []
    for frame in later:
        steps = np.trunc(frame - level)
        level += steps
        channels += [np.maximum(-steps, 0), np.maximum(steps, 0)]
    return np.stack(channels, -1).astype(np.float32)


def frames_to_adaptive_events(frames: Array, rule: AdaptiveThreshold) -> Array:
    """The events between successive frames of a camera whose pixels adapt their threshold.

    Each pixel is a signal of its own, which
    :func:`~mmsfa.datasets.signals.encoding.tae_encode` encodes: at most one event a step, and the
    next one of a pixel that has fired takes a larger change.

    Args:
        frames: Logarithmic brightness, shape (T + 1, H, W).
        rule: Of the thresholds.

    Returns:
        Zeros and ones, float32, shape (H, W, T*2), OFF before ON.
    """
    spikes = tae_encode(np.moveaxis(frames, 0, -1), rule).spikes[..., 1:]
    polarities = np.stack([spikes < 0, spikes > 0], -1)
    return polarities.reshape(*spikes.shape[:2], -1).astype(np.float32)


@TRANSFORMS.register_module()
class SimulateEvents(BaseTransform):
    """Turn a picture into the events that an event camera sees while the picture moves.

    The picture moves for T steps and ends where it is, so boxes and masks stay true: they belong to
    the last moment.

    Args:
        T: Number of real time steps.
        speed: Pixels a step.
        threshold: Contrast threshold in logarithmic brightness.
        direction: Direction of the motion in radians; None draws one for each picture.
        method: ``'esim'``: a pixel fires each time its brightness has moved by the threshold.
            ``'tae'``: the threshold of a pixel grows with each event and sinks without one, and
            there is at most one event a step; ``threshold`` is where it begins.
        tae: With ``'tae'`` the other settings of the threshold, see
            :class:`~mmsfa.datasets.signals.encoding.AdaptiveThreshold`; None takes a
            ``grow_factor`` of 1.5 and a ``decay`` of 0.9, within a fifth and ten times the
            threshold.

    Required keys: img, uint8, (H, W, 3) in BGR or (H, W).
    Modified keys: img, float32, shape (H, W, T*2); time is the slow part of the channel axis, OFF
    comes before ON.

    Raises:
        ValueError: A setting is out of its range.
    """

    def __init__(
        self,
        T: int = 4,
        speed: float = 2.0,
        threshold: float = 0.2,
        direction: float | None = None,
        method: Literal['esim', 'tae'] = 'esim',
        tae: dict | None = None,
    ) -> None:
        if not isinstance(T, int) or T < 1:
            raise ValueError(f'T (the number of steps) must be an integer >= 1, got {T!r}.')
        if not (speed > 0 and threshold > 0):
            raise ValueError(
                f'speed and threshold must be numbers > 0, got {speed!r} and {threshold!r}.'
            )
        if method not in ('esim', 'tae'):
            raise ValueError(f"method must be 'esim' or 'tae', got {method!r}.")
        if tae is not None and method != 'tae':
            raise ValueError(f"tae={tae!r} needs method='tae', got method={method!r}.")
        bounds = dict(theta_min=threshold / 5, theta_max=threshold * 10)
        self.rule = AdaptiveThreshold(threshold, **{**bounds, **(tae or {})}).checked()
        self.method = method
        self.T = T
        self.speed = speed
        self.threshold = threshold
        self.direction = direction

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Simulate."""
        direction = self.direction
        if direction is None:
            direction = np.random.uniform(0, 2 * np.pi)
        picture = results['img']
        if picture.ndim == 3:
            picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        brightness = np.log(picture.astype(np.float32) / 255 + DARKEST)
        frames = moving_frames(brightness, self.T, self.speed, direction)
        if self.method == 'tae':
            results['img'] = frames_to_adaptive_events(frames, self.rule)
        else:
            results['img'] = frames_to_events(frames, self.threshold)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(T={self.T}, speed={self.speed}, threshold={self.threshold}, '
            f'direction={self.direction}, method={self.method!r}'
            + (f', tae={self.rule._asdict()})' if self.method == 'tae' else ')')
        )

"""Event tensors: from a list of events to T frames, written as one picture of T*C channels.

The channels lie as [slice 0 OFF, slice 0 ON, slice 1 OFF, ...]: time is the slow part of the
channel axis, so that every transform of pictures treats all T frames alike.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from .readers.event_columns import EventColumnsError

Array = np.ndarray
SliceBy = Literal['count', 'time']

COLUMNS = {'t', 'x', 'y', 'p'}


def slice_of_events(events: Array, T: int, by: SliceBy) -> Array:
    """Tell each event's slice.

    Args:
        events: Events in the order of time, shape (N,).
        T: Number of slices.
        by: ``'count'``: equally many events a slice (to within one); ``'time'``: equally long
            slices from the first event to the last.

    Returns:
        Slices 0..T-1, int64, shape (N,).

    Raises:
        ValueError: ``by`` is neither.
    """
    if by == 'count':
        return np.arange(len(events)) * T // max(len(events), 1)
    if by == 'time':
        elapsed = (events['t'] - events['t'][:1]).astype(np.int64)  # 32 bits hold no product
        return elapsed * T // (elapsed[-1:] + 1)
    raise ValueError(f"by must be 'count' or 'time', got {by!r}.")


def count_frames(events: Array, shape: tuple[int, int], T: int, by: SliceBy = 'count') -> Array:
    """Count the events of each pixel, slice and polarity.

    Args:
        events: Events in the order of time, shape (N,).
        shape: (H, W) in pixels.
        T: Number of slices.
        by: See :func:`slice_of_events`.

    Returns:
        Counts, float32, shape (H, W, T*2).

    Raises:
        ValueError: An event lies outside of ``shape``, or another setting is out of its range.
    """
    check_events(events, shape, T)
    channel = 2 * slice_of_events(events, T, by) + events['p']
    return _sum_up(events, channel, np.ones(len(events)), shape, 2 * T)


def voxel_grid(events: Array, shape: tuple[int, int], T: int, signed: bool = False) -> Array:
    """Share each event out between the two nearest of T moments, linearly in time.

    The first moment is that of the first event, the last that of the last. Source: Zhu et al.,
    "Unsupervised Event-based Learning of Optical Flow, Depth, and Egomotion", CVPR 2019,
    https://arxiv.org/abs/1812.08156.

    Args:
        events: Events in the order of time, shape (N,).
        shape: (H, W) in pixels.
        T: Number of moments.
        signed: One channel a moment, ON minus OFF, as in the paper, instead of two.

    Returns:
        Weights, float32, shape (H, W, T*2), or (H, W, T) with ``signed``.

    Raises:
        ValueError: An event lies outside of ``shape``, or T is no integer >= 1.
    """
    check_events(events, shape, T)
    elapsed = (events['t'] - events['t'][:1]).astype(np.float64)
    place = elapsed * ((T - 1) / max(elapsed[-1:].sum(), 1.0))
    early = np.minimum(place.astype(np.int64), T - 1)
    share = place - early
    late = np.minimum(early + 1, T - 1)  # the last moment's share is 0
    polarity = events['p'].astype(np.int64)
    moments = np.concatenate([early, late])
    weights = np.concatenate([1 - share, share])
    if signed:
        weights *= np.tile(2 * polarity - 1, 2)
        channel, channels = moments, T
    else:
        channel, channels = 2 * moments + np.tile(polarity, 2), 2 * T
    return _sum_up(np.tile(events, 2), channel, weights, shape, channels)


def check_events(events: Array, shape: tuple[int, int], T: int) -> None:
    """Check that the events fit in T frames of a shape.

    Raises:
        ValueError: They do not, or T is no integer >= 1.
        EventColumnsError: They are in another order than that of time, or no such array.
    """
    if not isinstance(T, int) or T < 1:
        raise ValueError(f'T (the number of slices) must be an integer >= 1, got {T!r}.')
    if not len(events):
        return
    if COLUMNS - set(events.dtype.names or ()) or any(
        events[name].dtype.kind not in 'biu' for name in COLUMNS
    ):
        raise EventColumnsError(
            'Events must be a structured array of whole numbers t, x, y and p, got '
            f'{events.dtype} of shape {events.shape}: make it with make_events(t, x, y, p).'
        )
    t, p = events['t'], events['p']
    if (t[1:] < t[:-1]).any():
        raise EventColumnsError(
            'Events must be in the order of time, but t goes back: make them with '
            'make_events(t, x, y, p), which sorts, or sort them by t.'
        )
    if p.min() < 0 or p.max() > 1:
        raise EventColumnsError(
            f'Polarities must be 0 (OFF) or 1 (ON), got p in {p.min()}..{p.max()}: make the events '
            'with make_events(t, x, y, p), which takes -1 and 1 too.'
        )
    x, y = events['x'], events['y']
    if min(x.min(), y.min()) < 0 or x.max() >= shape[1] or y.max() >= shape[0]:
        raise ValueError(
            f'Events must lie within the shape (H, W) = {tuple(shape)} of the camera, got columns '
            f'{x.min()}..{x.max()} and rows {y.min()}..{y.max()}: change shape.'
        )


def _sum_up(
    events: Array, channel: Array, weights: Array, shape: tuple[int, int], channels: int
) -> Array:
    """Add the weights of all events in each place and channel: (H, W, C), float32."""
    height, width = shape
    place = (events['y'].astype(np.int64) * width + events['x']) * channels + channel
    sums = np.bincount(place, weights, minlength=height * width * channels)
    return sums.reshape(height, width, channels).astype(np.float32)

"""From columns of times, places and polarities to an array of events.

Columns come from readers and from users, whose sources differ: times in seconds, polarities of -1
and 1. What they mean is taken where that is sure; anything else is refused.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike

from mmsfa.errors import UserError

from .event_array import EVENT_DTYPE

Array = np.ndarray

LARGEST = np.iinfo(np.int16).max  # column or row
TOLERANCE = 0.01  # microseconds: float64 keeps those of hours to within a thousandth


class EventColumnsError(UserError, ValueError):
    """Columns hold what no events can have, or what could mean several things."""


def make_events(t: ArrayLike, x: ArrayLike, y: ArrayLike, p: ArrayLike) -> Array:
    """Put four columns into one array; events that are out of order are sorted by time.

    Args:
        t: Times >= 0 in microseconds, shape (N,). Fractions are taken for seconds if all have six
            decimals; ``timedelta64`` and ``datetime64`` of any unit are converted.
        x: Columns in pixels, 0..32767, shape (N,).
        y: Rows in pixels, 0..32767, shape (N,).
        p: Polarities, shape (N,): 1 or True = brighter, 0 or False = darker; or 1 and -1.

    Returns:
        Events, dtype ``EVENT_DTYPE``, shape (N,). Events of the same time keep their order.

    Raises:
        EventColumnsError: A column has another form, or values that no event has.
    """
    columns = {name: np.asarray(column) for name, column in dict(t=t, x=x, y=y, p=p).items()}
    shapes = {name: column.shape for name, column in columns.items()}
    if len(set(shapes.values())) > 1 or columns['t'].ndim != 1:
        _refuse('four columns of one length', f'the shapes {shapes}', 'give one number an event')
    events: Array = np.empty(columns['t'].shape, EVENT_DTYPE)
    if not len(events):
        return events
    events['t'] = _microseconds(columns['t'])
    for name in 'xy':
        events[name] = _pixels(name, columns[name])
    events['p'] = _polarities(columns['p'])
    if (np.diff(events['t']) < 0).any():
        events = events[np.argsort(events['t'], kind='stable')]
    return events


def _refuse(expected: str, came: str, remedy: str) -> NoReturn:
    raise EventColumnsError(f'Events: expected {expected}, got {came}; {remedy}.')


def _span(column: Array) -> str:
    return f'{column.min()}..{column.max()}'


def _whole(name: str, column: Array, expected: str) -> Array:
    """The column, which must hold whole numbers."""
    if column.dtype.kind in 'biu':
        return column
    if column.dtype.kind != 'f':
        _refuse(expected, f'{name} of the type {column.dtype}', 'convert it to integers')
    if not np.isfinite(column).all():
        _refuse(expected, f'{name} with NaN or infinity', 'leave such events out')
    if (column != np.rint(column)).any():
        _refuse(expected, f'fractions in {name} ({_span(column)})', 'round them yourself')
    return column


def _microseconds(t: Array) -> Array:
    expected = 'whole microseconds >= 0 in t'
    if t.dtype.kind in 'mM':
        t = t.astype(f'{t.dtype.kind}8[us]').astype(np.int64)
    if t.dtype.kind == 'f' and np.isfinite(t).all() and (t != np.rint(t)).any():
        t = _from_seconds(t, expected)
    t = _whole('t', t, expected)
    if t.min() < 0 or int(t.max()) >> 63:
        _refuse(
            expected,
            f'{_span(t)}',
            'subtract the first time if times are relative; a counter of 32 bits that has gone '
            'round must go on instead',
        )
    return t


def _from_seconds(t: Array, expected: str) -> Array:
    """Seconds of six decimals; three could be milliseconds as well, others could be anything."""
    micro, milli = t.astype(np.float64) * 1e6, t.astype(np.float64) * 1e3
    is_seconds = np.abs(micro - np.rint(micro)).max() <= TOLERANCE
    is_coarse = np.abs(milli - np.rint(milli)).max() <= TOLERANCE * 1e-3
    if not is_seconds or is_coarse:
        _refuse(
            expected,
            f'fractions ({_span(t)})',
            'if they are seconds give np.rint(t * 1e6), if milliseconds np.rint(t * 1e3)',
        )
    return np.rint(micro)


def _pixels(name: str, column: Array) -> Array:
    expected = f'pixels 0..{LARGEST} in {name}'
    column = _whole(name, column, expected)
    if column.min() < 0 or column.max() > LARGEST:
        _refuse(expected, _span(column), 'count from 0, and check the order of the columns')
    return column


def _polarities(p: Array) -> Array:
    expected = '0 and 1, or -1 and 1, in p'
    p = _whole('p', p, expected)
    low, high = int(p.min()), int(p.max())
    if low >= 0 and high <= 1:
        return p
    if low == -1 and high <= 1 and (p != 0).all():
        return p > 0
    _refuse(expected, f'values in {_span(p)}', 'give 1 for brighter (ON) and 0 for darker (OFF)')

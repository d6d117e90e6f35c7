"""Columns of readers and of users: converted where their meaning is sure, else refused."""

from __future__ import annotations

import numpy as np
import pytest

from mmsfa.datasets.events import EVENT_DTYPE, EventColumnsError, make_events
from mmsfa.errors import UserError

COLUMNS = dict(t=[3, 70], x=[0, 5], y=[1, 32767], p=[0, 1])
EVENTS = [(3, 0, 1, 0), (70, 5, 32767, 1)]


def test_events_are_sorted_by_time_and_equal_times_keep_their_order() -> None:
    t = np.tile([7, 3], 50)  # more than are sorted by insertion
    number = np.arange(100)
    events = make_events(t, number, 10 + number, number % 2)
    assert events.dtype == EVENT_DTYPE
    expected = [(3 if odd else 7, x, 10 + x, odd) for odd in (1, 0) for x in range(odd, 100, 2)]
    assert events.tolist() == expected


def test_a_time_above_32_bits_is_kept() -> None:
    (event,) = make_events(np.array([1 << 40]), *np.ones((3, 1), int)).tolist()
    assert event == (1 << 40, 1, 1, 1)


@pytest.mark.parametrize(
    'change',
    [
        dict(t=[3.0, 70.0], x=[0.0, 5.0], y=np.array([1, 32767], np.uint16), p=[0.0, 1.0]),
        dict(p=[-1, 1]),
        dict(p=[-1.0, 1.0]),
        dict(p=[False, True]),
        dict(t=[0.000003, 0.000070]),  # seconds
        dict(t=np.array([3, 70], 'm8[us]')),
        dict(t=np.array([3000, 70_000], 'm8[ns]')),
        dict(t=np.array([3, 70], np.uint64)),
    ],
)
def test_what_is_sure_is_converted(change: dict) -> None:
    assert make_events(**{**COLUMNS, **change}).tolist() == EVENTS


def test_seconds_of_many_events_keep_every_microsecond() -> None:
    t = np.sort(np.random.default_rng(0).integers(0, 10**10, 1000))
    zeros = np.zeros(1000, int)
    assert (make_events(t / 1e6, zeros, zeros, zeros)['t'] == t).all()


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (dict(t=[0.5, 1.25]), r'fractions \(0.5..1.25\); if they are seconds .*, if milliseconds'),
        (dict(t=[0.123456789, 1.0]), 'fractions'),
        (dict(t=np.array([0.123456, 900.123456], np.float32)), 'fractions'),
        (dict(t=[-3, 70]), r'got -3..70; subtract the first time'),
        (dict(t=[3.0, float('nan')]), 't with NaN or infinity'),
        (dict(t=['3', '70']), 't of the type <U2'),
        (dict(t=np.array([3, 2**63], np.uint64)), 'whole microseconds'),
        (dict(x=[-1, 5]), r'pixels 0..32767 in x, got -1..5; count from 0'),
        (dict(y=[1, 32768]), 'in y, got 1..32768'),  # 16 bits would make -32768 of it
        (dict(x=[0.5, 5]), 'fractions in x'),
        (dict(p=[1, 2]), r'0 and 1, or -1 and 1, in p, got values in 1..2; give 1 for brighter'),
        (dict(p=[-1, 0]), 'got values in -1..0'),
        (dict(p=[0, 255]), 'got values in 0..255'),
        (dict(p=[0.2, 1.0]), 'fractions in p'),
        (dict(p=[1]), 'four columns of one length'),
        ({name: [[1], [1]] for name in COLUMNS}, 'four columns of one length'),
    ],
)
def test_what_could_mean_anything_is_refused(change: dict, words: str) -> None:
    with pytest.raises(EventColumnsError, match=words) as error:
        make_events(**{**COLUMNS, **change})
    assert isinstance(error.value, UserError) and isinstance(error.value, ValueError)
    assert str(error.value).startswith('Events: expected ') and str(error.value).endswith('.')

"""The array that every reader returns."""

from __future__ import annotations

import numpy as np
import pytest

from mmsfa.datasets.events.readers.event_array import (
    EVENT_DTYPE,
    EventFileError,
    make_events,
    refuse,
    whole_records,
)
from mmsfa.errors import UserError


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


def test_records_are_whole_or_the_broken_one_is_named() -> None:
    assert whole_records(b'head12345678', 4, 4, 'a.raw') == b'12345678'
    assert whole_records(b'head', 4, 8, 'a.raw') == b''
    with pytest.raises(EventFileError) as refused:
        whole_records(b'head123456', 4, 4, 'a.raw', 'word')
    assert str(refused.value) == (
        'a.raw cannot be read: at byte 8, words of 4 bytes were expected, but the file ends after '
        '2 bytes of one; it is truncated or of another format, so copy or download it again.'
    )


def test_a_refusal_is_one_sentence_for_the_user() -> None:
    with pytest.raises(EventFileError) as refused:
        refuse('a.bin', 3, 'x was expected', 'get it again')
    assert str(refused.value) == 'a.bin cannot be read: at byte 3, x was expected; get it again.'
    assert isinstance(refused.value, UserError) and isinstance(refused.value, ValueError)

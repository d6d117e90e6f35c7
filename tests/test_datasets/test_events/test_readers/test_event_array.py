"""How a reader refuses a file."""

from __future__ import annotations

import pytest

from mmsfa.datasets.events.readers.event_array import (
    EventFileError,
    refuse,
    whole_records,
)
from mmsfa.errors import UserError


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

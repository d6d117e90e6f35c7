"""AEDAT 2.0 files."""

from __future__ import annotations

import struct

import pytest

from mmsfa.datasets.events import EventFileError, read_events
from mmsfa.datasets.events.readers.aedat2 import read_aedat2
from tests.helpers.event_files import AEDAT2_HEADER, EVENTS, aedat2, evt2


def test_aedat2_leaves_external_signals_out(written) -> None:
    content = aedat2(EVENTS) + struct.pack('>II', 0x8000, 80_000)
    assert read_events(written('.aedat', content)).tolist() == EVENTS


@pytest.mark.parametrize(('ending', 'content', 'offset', 'words'), [
    ('.aedat', AEDAT2_HEADER + struct.pack('>II', 1 << 31 - 1, 0), len(AEDAT2_HEADER), 'DVS128'),
])  # fmt: skip
def test_a_foreign_file_is_refused(refused, ending, content, offset, words) -> None:
    refused(ending, content, offset, words)


def test_another_header_is_no_aedat2(written) -> None:
    path = written('.aedat', evt2(EVENTS))
    with pytest.raises(
        EventFileError, match=r"at byte 0, the header #!AER-DAT2 was expected, got b'% evt"
    ):
        read_aedat2(path)

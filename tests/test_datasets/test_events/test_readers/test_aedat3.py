"""AEDAT 3.1 files."""

from __future__ import annotations

import pytest

from mmsfa.datasets.events import read_events
from tests.helpers.event_files import AEDAT3_HEADER, EVENTS, aedat3_packet


def test_aedat3_leaves_invalid_events_out_and_counts_overflows(written) -> None:
    content = AEDAT3_HEADER + aedat3_packet(EVENTS[:1], valid=0)
    content += aedat3_packet(EVENTS[1:2]) + aedat3_packet(EVENTS[2:3], overflow=1)
    late = (90 + (1 << 31), *EVENTS[2][1:])
    assert read_events(written('.aedat', content)).tolist() == [EVENTS[1], late]


@pytest.mark.parametrize(('ending', 'content', 'offset', 'words'), [
    ('.aedat', AEDAT3_HEADER[:30], 0, 'END-HEADER'),
    ('.aedat', AEDAT3_HEADER + bytes(20), len(AEDAT3_HEADER), '28 bytes'),
    ('.aedat', AEDAT3_HEADER + b'\xff' * 28, len(AEDAT3_HEADER), 'type -1'),
])  # fmt: skip
def test_a_foreign_file_is_refused(refused, ending, content, offset, words) -> None:
    refused(ending, content, offset, words)

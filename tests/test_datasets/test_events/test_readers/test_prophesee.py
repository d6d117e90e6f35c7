"""Prophesee `.dat` and EVT 2.0 files."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from mmsfa.datasets.events import make_events, read_events, write_dat
from tests.helpers.event_files import DAT_HEADER, EVENTS, EVT2_HEADER, evt2


def test_evt2_has_no_time_before_the_first_high_bits(written) -> None:
    content = evt2(EVENTS)
    early = struct.pack('<I', 1 << 28 | 5 << 22)
    content = content.replace(EVT2_HEADER, EVT2_HEADER + early)
    assert read_events(written('.raw', content)).tolist() == EVENTS


def test_evt2_time_goes_on_when_its_counter_goes_round(written) -> None:
    last = (1 << 34) - 1
    content = evt2([(last, 1, 2, 1), (3, 4, 5, 0)])
    assert read_events(written('.raw', content)).tolist() == [(last, 1, 2, 1), (last + 4, 4, 5, 0)]


def test_old_evt2_headers_have_no_end(written) -> None:
    content = evt2(EVENTS).replace(EVT2_HEADER, b'% Date 2019-01-01\n% evt 2.0\n')
    assert read_events(written('.raw', content)).tolist() == EVENTS


@pytest.mark.parametrize(('ending', 'content', 'offset', 'words'), [
    ('.raw', b'% evt 3.0\n% end\n', 0, 'EVT 3'),
    ('.raw', b'% format EVT21;height=1\n', 0, 'EVT 21'),
    ('.raw', b'% made by hand\n', 0, 'no EVT header'),
    ('.raw', EVT2_HEADER + struct.pack('<I', 3 << 28), len(EVT2_HEADER), 'got 3'),
    ('.dat', b'% Version 1\n\x00\x08', 0, 'version 1'),
    ('.dat', DAT_HEADER, len(DAT_HEADER), '()'),
    ('.dat', DAT_HEADER + b'\x0e\x08', len(DAT_HEADER), '(14, 8)'),
])  # fmt: skip
def test_a_foreign_file_is_refused(refused, ending, content, offset, words) -> None:
    refused(ending, content, offset, words)


def test_a_dat_file_keeps_what_is_written(written) -> None:
    largest = [(0, 0, 0, 0), ((1 << 32) - 1, (1 << 14) - 1, (1 << 14) - 1, 1)]
    for events in (EVENTS, largest, []):
        columns = np.array(events, np.int64).reshape(-1, 4).T
        path = written('.dat', b'')
        write_dat(path, make_events(*columns))
        assert read_events(path).tolist() == events


@pytest.mark.parametrize('name', ['t', 'x', 'y'])
def test_a_dat_file_refuses_what_it_cannot_hold(written, name: str) -> None:
    columns = dict(t=[0], x=[0], y=[0], p=[1]) | {name: [1 << 32 if name == 't' else 1 << 14]}
    with pytest.raises(ValueError, match=f'holds {name} in 0..'):
        write_dat(written('.dat', b''), make_events(**columns))

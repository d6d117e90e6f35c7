"""Readers of event files: real recordings, and files written from the format definitions."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mmsfa.datasets.events import EventFileError, read_events
from mmsfa.datasets.events.readers.event_array import EVENT_DTYPE

# Corners, equal times, both polarities: t, x, y, p
EVENTS = [(5, 0, 0, 1), (5, 127, 3, 0), (90, 3, 127, 1), (70_000, 127, 127, 0)]
AEDAT2_HEADER = b'#!AER-DAT2.0\r\n# This is a raw AE data file\r\n# created by a test\r\n'
AEDAT3_HEADER = b'#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n'
EVT2_HEADER = b'% evt 2.0\n% format EVT2;height=720;width=1280\n% end\n'
DAT_HEADER = b'% Data file containing CD events.\n% Version 2\n% Height 240\n% Width 304\n'


def atis_bin(events: list[tuple]) -> bytes:
    return b''.join(bytes([x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255]) for t, x, y, p in events)


def aedat2(events: list[tuple]) -> bytes:
    """The sensor's axes are turned, and bit 0 is 1 for OFF."""
    words = [((127 - x) << 8 | (127 - y) << 1 | 1 - p, t) for t, x, y, p in events]
    return AEDAT2_HEADER + b''.join(struct.pack('>II', *word) for word in words)


def aedat3_packet(
    events: list[tuple], kind: int = 1, valid: int = 1, spare: int = 0, overflow: int = 0
) -> bytes:
    body = b''.join(
        struct.pack('<II', x << 17 | y << 2 | p << 1 | valid, t) for t, x, y, p in events
    )
    capacity = len(events) + spare
    header = struct.pack('<hhiiiiii', kind, 1, 8, 4, overflow, capacity, len(events), len(events))
    return header + body + bytes(8 * spare)


def aedat3(events: list[tuple]) -> bytes:
    special = aedat3_packet([(1, 9, 9, 1)], kind=0)
    half = len(events) // 2
    packets = [aedat3_packet(events[:half], spare=2), special, aedat3_packet(events[half:])]
    return AEDAT3_HEADER + b''.join(packets)


def evt2(events: list[tuple]) -> bytes:
    words = []
    high = None
    for t, x, y, p in events:
        if t >> 6 != high:
            high = t >> 6
            words.append(8 << 28 | high)
        words.append(p << 28 | (t & 63) << 22 | x << 11 | y)
    words += [10 << 28 | 1, 14 << 28, 15 << 28]  # trigger, other, continued
    return EVT2_HEADER + struct.pack(f'<{len(words)}I', *words)


def dat(events: list[tuple]) -> bytes:
    words = [struct.pack('<II', t, p << 28 | y << 14 | x) for t, x, y, p in events]
    return DAT_HEADER + b'\x0c\x08' + b''.join(words)


WRITERS = {'.bin': atis_bin, '2.aedat': aedat2, '3.aedat': aedat3, '.raw': evt2, '.dat': dat}


@pytest.fixture
def written(tmp_path: Path):
    def write(ending: str, content: bytes) -> Path:
        path = tmp_path / f'recording{ending}'
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize('ending', WRITERS)
def test_a_file_gives_the_events_it_was_written_from(written, ending: str) -> None:
    events = read_events(written(ending, WRITERS[ending](EVENTS)))
    assert events.dtype == EVENT_DTYPE
    assert events.tolist() == EVENTS


@pytest.mark.parametrize('ending', ['2.aedat', '3.aedat', '.raw', '.dat'])
def test_the_header_decides_not_the_suffix(written, ending: str) -> None:
    content = WRITERS[ending](EVENTS)
    assert read_events(written('.data', content)).tolist() == EVENTS


@pytest.mark.parametrize('ending', WRITERS)
def test_a_stretch_of_time(written, ending: str) -> None:
    path = written(ending, WRITERS[ending](EVENTS))
    assert read_events(path, 5, 90).tolist() == EVENTS[:2]
    assert read_events(path, 6).tolist() == EVENTS[2:]
    assert read_events(path, 80_000, 90_000).tolist() == []


@pytest.mark.parametrize('ending', ['2.aedat', '3.aedat', '.raw', '.dat'])
def test_a_recording_without_events(written, ending: str) -> None:
    assert read_events(written(ending, WRITERS[ending]([]))).tolist() == []


@pytest.mark.parametrize('ending', ['2.aedat', '3.aedat', '.raw', '.dat'])
def test_events_come_in_the_order_of_time(written, ending: str) -> None:
    shuffled = [EVENTS[i] for i in (3, 0, 1, 2)]
    assert read_events(written(ending, WRITERS[ending](shuffled))).tolist() == EVENTS


# --- particular to one format


def test_the_clock_events_of_atis_carry_the_time_on(written) -> None:
    turn, clock = 1 << 13, (0, 0, 240, 0)
    first, second, third = (50, 1, 2, 1), (20, 3, 4, 0), (30, 5, 6, 1)
    path = written('.bin', atis_bin([first, clock, second, clock, third]))
    late = [(20 + turn, 3, 4, 0), (30 + 2 * turn, 5, 6, 1)]
    assert read_events(path).tolist() == [first, *late]


def test_aedat2_leaves_external_signals_out(written) -> None:
    content = aedat2(EVENTS) + struct.pack('>II', 0x8000, 80_000)
    assert read_events(written('.aedat', content)).tolist() == EVENTS


def test_aedat3_leaves_invalid_events_out_and_counts_overflows(written) -> None:
    content = AEDAT3_HEADER + aedat3_packet(EVENTS[:1], valid=0)
    content += aedat3_packet(EVENTS[1:2]) + aedat3_packet(EVENTS[2:3], overflow=1)
    late = (90 + (1 << 31), *EVENTS[2][1:])
    assert read_events(written('.aedat', content)).tolist() == [EVENTS[1], late]


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


# --- refusals


@pytest.mark.parametrize('ending', WRITERS)
@pytest.mark.parametrize('missing', [1, 3])
def test_a_truncated_file_is_refused_with_name_and_offset(written, ending, missing) -> None:
    content = WRITERS[ending](EVENTS)[:-missing]
    path = written(ending, content)
    with pytest.raises(EventFileError) as refused:
        read_events(path)
    message = str(refused.value)
    assert message.startswith(f'{path} cannot be read: at byte ')
    assert message.count('. ') == 0 and message.endswith('.')
    record = {'.bin': 5, '.raw': 4, '3.aedat': 8 * 2}.get(ending, 8)
    offset = int(message.split('at byte ')[1].split(',', maxsplit=1)[0])
    assert offset == len(content) + missing - record


@pytest.mark.parametrize(('ending', 'content', 'offset', 'words'), [
    ('.bin', b'', 0, 'empty'),
    ('.bin', atis_bin([(9, 0, 0, 0), (8, 0, 0, 0)]), 5, '8 us'),
    ('.bin', aedat2(EVENTS)[len(AEDAT2_HEADER):].ljust(35, b'x'), 5, 'another format'),
    ('.png', b'\x89PNG\r\n\x1a\n', 0, '.aedat'),
    ('.aedat', b'RIFF', 0, 'AEDAT 3.1'),
    ('.aedat', AEDAT2_HEADER + struct.pack('>II', 1 << 31 - 1, 0), len(AEDAT2_HEADER), 'DVS128'),
    ('.aedat', AEDAT3_HEADER[:30], 0, 'END-HEADER'),
    ('.aedat', AEDAT3_HEADER + bytes(20), len(AEDAT3_HEADER), '28 bytes'),
    ('.aedat', AEDAT3_HEADER + b'\xff' * 28, len(AEDAT3_HEADER), 'type -1'),
    ('.raw', b'% evt 3.0\n% end\n', 0, 'EVT 3'),
    ('.raw', b'% format EVT21;height=1\n', 0, 'EVT 21'),
    ('.raw', b'% made by hand\n', 0, 'no EVT header'),
    ('.raw', EVT2_HEADER + struct.pack('<I', 3 << 28), len(EVT2_HEADER), 'got 3'),
    ('.dat', b'% Version 1\n\x00\x08', 0, 'version 1'),
    ('.dat', DAT_HEADER, len(DAT_HEADER), '()'),
    ('.dat', DAT_HEADER + b'\x0e\x08', len(DAT_HEADER), '(14, 8)'),
])  # fmt: skip
def test_a_foreign_file_is_refused(written, ending, content, offset, words) -> None:
    path = written(ending, content)
    with pytest.raises(EventFileError, match=f'at byte {offset}, ') as refused:
        read_events(path)
    message = str(refused.value)
    assert message.startswith(f'{path} cannot be read') and words in message


# --- real recordings, and another reader


def test_real_recordings_agree_with_their_description(shared_data) -> None:
    paths = sorted(shared_data('nmnist_small').glob('Test/*/*.bin'))
    assert len(paths) == 200
    numbers = []
    for path in paths[::5]:
        events = read_events(path)
        numbers.append(len(events))
        assert len(events) == path.stat().st_size // 5
        assert events['x'].min() >= 0 and events['x'].max() < 34
        assert events['y'].min() >= 0 and events['y'].max() < 34
        assert set(np.unique(events['p'])) == {0, 1}
        assert (np.diff(events['t']) >= 0).all()
        assert 290_000 < events['t'][-1] < 320_000
    assert min(numbers) >= 1069 and max(numbers) <= 7152


def test_readers_agree_with_spikingjelly(
    shared_data, written, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its speech data sets import torchaudio, which cannot load beside a CPU build of torch.
    monkeypatch.setitem(sys.modules, 'torchaudio', ModuleType('torchaudio'))
    utils = pytest.importorskip('spikingjelly.datasets.utils')
    cifar = pytest.importorskip('spikingjelly.datasets.cifar10_dvs')
    for path in sorted(shared_data('nmnist_small').glob('Train/3/*.bin'))[:5]:
        assert_same(read_events(path), utils.load_ATIS_bin(path))
    path = written('2.aedat', aedat2(EVENTS))
    assert_same(read_events(path), cifar._load_origin_data(path))
    path = written('3.aedat', AEDAT3_HEADER + aedat3_packet(EVENTS))
    assert_same(read_events(path), utils.load_aedat_v3(path))


def assert_same(events: np.ndarray, theirs: dict[str, np.ndarray]) -> None:
    assert len(events)
    for name in EVENT_DTYPE.names:
        assert (events[name] == theirs[name]).all()

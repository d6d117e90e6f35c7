"""Reading a file of any format: the header decides, and every format gives the same array."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from mmsfa.datasets.events import EventFileError, read_events
from mmsfa.datasets.events.readers.event_array import EVENT_DTYPE
from tests.helpers.event_files import AEDAT3_HEADER, EVENTS, WRITERS, aedat2, aedat3_packet


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
    ('.png', b'\x89PNG\r\n\x1a\n', 0, '.aedat'),
    ('.aedat', b'RIFF', 0, 'AEDAT 3.1'),
])  # fmt: skip
def test_a_foreign_file_is_refused(refused, ending, content, offset, words) -> None:
    refused(ending, content, offset, words)


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

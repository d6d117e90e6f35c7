"""ATIS `.bin` files."""

from __future__ import annotations

import numpy as np
import pytest

from mmsfa.datasets.events import read_events
from tests.helpers.event_files import AEDAT2_HEADER, EVENTS, aedat2, atis_bin


def test_the_clock_events_of_atis_carry_the_time_on(written) -> None:
    turn, clock = 1 << 13, (0, 0, 240, 0)
    first, second, third = (50, 1, 2, 1), (20, 3, 4, 0), (30, 5, 6, 1)
    path = written('.bin', atis_bin([first, clock, second, clock, third]))
    late = [(20 + turn, 3, 4, 0), (30 + 2 * turn, 5, 6, 1)]
    assert read_events(path).tolist() == [first, *late]


@pytest.mark.parametrize(('ending', 'content', 'offset', 'words'), [
    ('.bin', b'', 0, 'empty'),
    ('.bin', atis_bin([(9, 0, 0, 0), (8, 0, 0, 0)]), 5, '8 us'),
    ('.bin', aedat2(EVENTS)[len(AEDAT2_HEADER):].ljust(35, b'x'), 5, 'another format'),
])  # fmt: skip
def test_a_foreign_file_is_refused(refused, ending, content, offset, words) -> None:
    refused(ending, content, offset, words)


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

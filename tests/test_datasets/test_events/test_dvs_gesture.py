"""Gestures of a recording, through the shipped config: tiny files written here."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from mmsfa.errors import UserError


def recording(path: Path) -> None:
    """One event each 1000 us at pixel (time / 1000 mod 128, 5), in packets of 10."""
    content = b'#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n'
    for packet in range(10):
        times = range(10_000 * packet, 10_000 * (packet + 1), 1000)
        content += struct.pack('<hhiiiiii', 1, 1, 8, 4, 0, 10, 10, 10)
        for t in times:
            content += struct.pack('<II', (t // 1000 % 128) << 17 | 5 << 2 | 3, t)
    path.write_bytes(content)


@pytest.fixture
def gestures(tmp_path: Path):
    def write(rows: str = '1,5000,25000\n11,25000,70000\n') -> Path:
        recording(tmp_path / 'user01_led.aedat')
        labels = tmp_path / 'user01_led_labels.csv'
        labels.write_text('class,startTime_usec,endTime_usec\n' + rows)
        for split in ('train', 'test'):
            (tmp_path / f'trials_to_{split}.txt').write_text('user01_led.aedat\n\n')
        return tmp_path

    return write


def test_a_recording_holds_several_gestures(dataset, gestures) -> None:
    test = dataset('dvs128_gesture', 'test', gestures())
    assert len(test) == 2 and len(test.CLASSES) == 11
    for index, (label, first, last) in enumerate([(0, 5, 24), (10, 25, 69)]):
        item = test[index]
        assert int(item['data_samples'].gt_label) == label
        assert item['inputs'].shape == (32, 128, 128)
        rows, columns = np.nonzero(item['inputs'].sum(0).numpy())
        assert set(rows) == {5} and (columns.min(), columns.max()) == (first, last)
    assert dataset('dvs128_gesture', 'train', gestures())[1]['inputs'].shape == (32, 128, 128)


@pytest.mark.parametrize('row', ['12,1,2', '0,1,2', '3,2,2', '3,2', 'a,1,2'])
def test_a_bad_line_of_labels_is_named(dataset, gestures, row: str) -> None:
    root = gestures(f'1,5000,25000\n{row}\n')
    with pytest.raises(UserError, match=f'user01_led_labels.csv, line 3: .*got {row};'):
        dataset('dvs128_gesture', 'test', root)


def test_missing_labels_are_named(dataset, gestures) -> None:
    root = gestures()
    labels = root / 'user01_led_labels.csv'
    labels.write_text('label,start\n')
    with pytest.raises(UserError, match='expected the columns class,.* got label,start'):
        dataset('dvs128_gesture', 'test', root)
    labels.unlink()
    with pytest.raises(UserError, match=f'{labels} .* does not exist'):
        dataset('dvs128_gesture', 'test', root)

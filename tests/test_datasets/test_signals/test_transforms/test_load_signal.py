"""Read a signal, or a part of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmsfa.datasets.signals import SignalFileError


def test_a_part_of_some_channels(build, tmp_path: Path) -> None:
    path = tmp_path / 'a.csv'
    path.write_text('a,b\n1,2\n3,4\n5,6\n')
    load = build('LoadSignal')
    assert load(dict(img_path=str(path)))['signal'].shape == (2, 3)
    part = dict(img_path=str(path), signal_range=(1, 3), channels=('b',))
    signal = load(dict(part))['signal']
    assert signal.tolist() == [[4, 6]]
    signal[:] = 0  # it is a copy: the next sample reads the same file
    assert load(dict(part))['signal'].tolist() == [[4, 6]]


def test_channels_of_the_transform_come_first(build, tmp_path: Path) -> None:
    (tmp_path / 'a.csv').write_text('a,b\n1,2\n')
    load = build('LoadSignal', channels=['b'])
    results = load(dict(img_path=str(tmp_path / 'a.csv'), channels=('a',)))
    assert results['signal'].tolist() == [[2]]


def test_another_rate_is_refused(build, tmp_path: Path) -> None:
    np.save(tmp_path / 'a.npy', np.zeros(4))
    with pytest.raises(SignalFileError, match='8000 samples a second were expected, got None'):
        build('LoadSignal', rate=8000)(dict(img_path=str(tmp_path / 'a.npy')))

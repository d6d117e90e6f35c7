"""Windows of one recording, split by blocks of time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmpretrain.registry import DATASETS

import mmsfa.datasets.signals  # noqa: F401  registers
from mmsfa.datasets.signals import SignalFileError
from mmsfa.errors import OptionError


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """100 samples of two channels; the label is 1 in the samples 30 to 69."""
    label = (np.arange(100) // 10 // 3 % 3 == 1).astype(int)
    label[60:70], label[90:] = 1, 0
    rows = [f'{i},{-i},{one}' for i, one in enumerate(label)]
    path = tmp_path / 'eeg.csv'
    path.write_text('\n'.join(['a,b,eyes', *rows]))
    return path


def build(recording: Path, **settings):
    base = dict(type='SignalWindows', ann_file=str(recording), label='eyes', window=10, stride=5)
    load = dict(type='LoadSignal')
    return DATASETS.build({**base, 'pipeline': [load], 'classes': ['open', 'closed'], **settings})


def test_windows_stay_inside_their_block_and_have_one_label(recording: Path) -> None:
    dataset = build(recording, blocks=4, use_blocks=[1, 3])
    ranges = [info['signal_range'] for info in map(dataset.get_data_info, range(len(dataset)))]
    assert ranges == [(30, 40), (35, 45), (40, 50), *((i, i + 10) for i in (75, 80, 85, 90))]
    labels = [dataset.get_data_info(i)['gt_label'] for i in range(len(dataset))]
    assert labels == [1, 1, 1, 0, 0, 0, 0]
    sample = dataset[1]
    assert sample['signal'].tolist() == [list(range(35, 45)), [-i for i in range(35, 45)]]


def test_mixed_windows_may_take_their_last_label(recording: Path) -> None:
    dropped, kept = (build(recording, blocks=1, mixed=mixed) for mixed in ('drop', 'last'))
    assert len(kept) == 19 and len(dropped) == 17  # those from 25 and 65 are mixed
    assert [kept.get_data_info(i)['gt_label'] for i in (4, 5, 6, 13)] == [0, 1, 1, 0]


def test_splits_of_other_blocks_share_no_sample(recording: Path) -> None:
    seen = []
    for blocks in ([0, 2], [1, 3, 4]):
        dataset = build(recording, blocks=5, use_blocks=blocks, mixed='last')
        infos = map(dataset.get_data_info, range(len(dataset)))
        seen.append({i for info in infos for i in range(*info['signal_range'])})
    assert not seen[0] & seen[1]


@pytest.mark.parametrize(('settings', 'kind', 'words'), [
    (dict(window=0), OptionError, 'window must be an integer >= 1'),
    (dict(blocks=4, use_blocks=[4]), OptionError, r'blocks of 0\.\.3'),
    (dict(mixed='first'), OptionError, "'drop' or 'last'"),
    (dict(label='class'), SignalFileError, "column 'class' of labels was expected, got a, b"),
    (dict(label='b'), SignalFileError, r'labels 0\.\.1 were expected .* got -1 in row 3'),
    (dict(classes=['open']), SignalFileError, r'labels 0\.\.0 .* got 1 in row 32'),
    (dict(blocks=20), SignalFileError, 'got none .a block has 5 samples'),
])  # fmt: skip
def test_what_does_not_fit_is_refused(recording: Path, settings: dict, kind, words: str) -> None:
    with pytest.raises(kind, match=words):
        build(recording, **settings)

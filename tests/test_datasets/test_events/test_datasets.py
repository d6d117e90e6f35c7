"""Event data sets through their shipped configs: real N-MNIST, and tiny files written here."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope

import mmsfa.datasets.events  # noqa: F401  registers
from mmsfa.errors import UserError

BASE = Path(__file__).parents[3] / 'configs' / '_base_' / 'datasets'


def dataset(name: str, split: str, root: Path, **changes):
    init_default_scope('mmpretrain')
    cfg = Config.fromfile(BASE / f'{name}.py')[f'{split}_dataloader'].dataset
    return DATASETS.build({**cfg, 'data_root': str(root), **changes})


def test_nmnist(shared_data) -> None:
    root = shared_data('nmnist_small')
    train, test = (dataset('nmnist', split, root) for split in ('train', 'test'))
    assert (len(train), len(test)) == (600, 200)
    assert tuple('0123456789') == train.CLASSES
    for index in (0, 199):
        item = test[index]
        sample = item['data_samples']
        assert item['inputs'].shape == (6, 34, 34)
        assert int(sample.gt_label) == int(Path(sample.img_path).parent.name)
        assert item['inputs'].sum() == Path(sample.img_path).stat().st_size // 5
        assert train[index]['inputs'].shape == (6, 34, 34)


def test_cifar10_dvs_needs_no_class_of_its_own(tmp_path: Path) -> None:
    for label, name in enumerate(('airplane', 'truck')):
        (tmp_path / name).mkdir()
        events = [(label << 8 | 3 << 1, 1000 * step) for step in range(6)]
        content = b'#!AER-DAT2.0\r\n' + b''.join(struct.pack('>II', *event) for event in events)
        (tmp_path / name / 'cifar10_0.aedat').write_bytes(content)
    pipeline = [
        dict(type='LoadEvents', shape=(128, 128)),
        dict(type='EventsToImage', T=3),
        dict(type='PackInputs'),
    ]
    init_default_scope('mmpretrain')
    settings = dict(data_prefix=str(tmp_path), extensions=('.aedat',), pipeline=pipeline)
    data = DATASETS.build(dict(type='CustomDataset', **settings))
    assert data.CLASSES == ('airplane', 'truck')
    for label in (0, 1):
        item = data[label]
        assert int(item['data_samples'].gt_label) == label
        # bit 0 is 0: brighter; the sensor's axes are turned
        assert item['inputs'].nonzero().tolist() == [[step, 124, 127 - label] for step in (1, 3, 5)]
        assert item['inputs'].max() == 2


# --- DVS128 Gesture


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


def test_a_recording_holds_several_gestures(gestures) -> None:
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
def test_a_bad_line_of_labels_is_named(gestures, row: str) -> None:
    root = gestures(f'1,5000,25000\n{row}\n')
    with pytest.raises(UserError, match=f'user01_led_labels.csv, line 3: .*got {row};'):
        dataset('dvs128_gesture', 'test', root)


def test_missing_labels_are_named(gestures) -> None:
    root = gestures()
    labels = root / 'user01_led_labels.csv'
    labels.write_text('label,start\n')
    with pytest.raises(UserError, match='expected the columns class,.* got label,start'):
        dataset('dvs128_gesture', 'test', root)
    labels.unlink()
    with pytest.raises(UserError, match=f'{labels} .* does not exist'):
        dataset('dvs128_gesture', 'test', root)


# --- HAR-DVS


def test_har_dvs_clips_go_through_the_published_pipeline(tmp_path: Path) -> None:
    for name, number in (('action_001/a', 12), ('action_300/b', 3)):
        (tmp_path / name).mkdir(parents=True)
        for index in range(number):
            picture = np.full((260, 346, 3), 255, np.uint8)
            picture[:, :173] = (255, 0, 0)  # blue is dark
            picture[:100, 173:] = 128
            cv2.imwrite(str(tmp_path / name / f'{index:03d}.png'), picture)
    for split in ('train', 'val', 'test'):
        (tmp_path / f'{split}_label.txt').write_text('action_001/a 0\naction_300/b 3 299\n')
    train, test = (dataset('har_dvs', split, tmp_path) for split in ('train', 'test'))
    assert len(train) == len(test) == 2 and len(train.CLASSES) == 300
    item = test[0]
    assert item['inputs'].shape == (16, 224, 224) and int(item['data_samples'].gt_label) == 0
    frames = item['inputs'].unflatten(0, (8, 2))
    assert (frames == frames[:1]).all()
    dark, medium = frames[0]
    assert dark[:, :100].min() == 1 and dark[:, 130:].max() == 0
    assert medium[:70, 130:].min() == 1 and medium[100:].max() == 0
    short = test[1]
    assert int(short['data_samples'].gt_label) == 299
    assert (short['inputs'].flatten(1).sum(1) > 0).tolist() == [True] * 6 + [False] * 10
    flipped = {bool(train[0]['inputs'][0, 0, 0] == 0) for _ in range(20)}
    assert flipped == {True, False}
    for _ in range(4):  # all frames of a clip are flipped, or none
        frames = train[0]['inputs'].unflatten(0, (8, 2))
        assert (frames == frames[:1]).all()


def test_a_bad_line_of_the_list_is_named(tmp_path: Path) -> None:
    (tmp_path / 'test_label.txt').write_text('action_001/a 0\naction_001/b\n')
    with pytest.raises(UserError, match=r"test_label.txt, line 2: .*got 'action_001/b'"):
        dataset('har_dvs', 'test', tmp_path)

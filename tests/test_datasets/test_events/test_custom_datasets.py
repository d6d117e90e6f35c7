"""Event data sets that need no class of their own: real N-MNIST, and tiny files written here."""

from __future__ import annotations

import struct
from pathlib import Path

from mmengine.registry import DATASETS, init_default_scope

import mmsfa.datasets.events  # noqa: F401  registers


def test_nmnist(dataset, shared_data) -> None:
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

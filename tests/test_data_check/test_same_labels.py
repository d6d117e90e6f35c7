"""All splits of a segmentation set read label maps alike."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from mmsfa.data_check.same_labels import label_faults


def faults(train: dict, val: dict, kind: str = 'BaseSegDataset') -> list[str]:
    loaders = {
        f'{split}_dataloader': dict(dataset=dict(type=kind, **settings))
        for split, settings in (('train', train), ('val', val))
    }
    cfg = Config(dict(default_scope='mmseg', **loaders))
    return [f'{fault}' for fault in label_faults(cfg, ('val',))]


def test_label_maps_that_are_read_alike() -> None:
    names = dict(metainfo=dict(classes=('a', 'b')))
    assert not faults(names, names) and not faults({}, dict(reduce_zero_label=False))
    assert not faults({}, dict(reduce_zero_label=True), 'ADE20KDataset')  # its default


@pytest.mark.parametrize(
    ('settings', 'kind', 'phrase'),
    [
        (dict(reduce_zero_label=True), 'BaseSegDataset', 'is True, but False in train_dataloader'),
        (dict(reduce_zero_label=False), 'ADE20KDataset', 'is False, but True in train_dataloader'),
        (dict(metainfo=dict(classes=('b', 'a'))), 'BaseSegDataset', "its classes are 'b', 'a'"),
    ],
)
def test_label_maps_that_are_read_otherwise(settings: dict, kind: str, phrase: str) -> None:
    (said,) = faults(dict(metainfo=dict(classes=('a', 'b'))) if 'metainfo' in settings else {},
                     settings, kind)  # fmt: skip
    assert said.startswith('val_dataloader.dataset: ') and phrase in said

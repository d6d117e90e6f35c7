"""The classes of a config against its annotation files, metrics and model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa.data_check.check_classes import ClassesError, check_classes, class_faults
from tests.helpers.coco_content import NAMES, coco_content

SPLITS = ('train', 'val', 'test')


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Config]:
    """A function: categories of the training and evaluation files, and classes -> config."""

    def make(
        classes: object, train: tuple = NAMES, val: tuple = NAMES, metric: tuple = NAMES
    ) -> Config:
        for name, names in (('train', train), ('val', val), ('metric', metric)):
            content = coco_content()
            content['categories'] = [dict(id=i + 1, name=one) for i, one in enumerate(names)]
            (tmp_path / f'{name}.json').write_text(json.dumps(content))
        metainfo = classes if isinstance(classes, dict) else dict(classes=classes)
        dataset = dict(type='CocoDataset', data_root=str(tmp_path), metainfo=metainfo)
        return Config(
            dict(
                default_scope='mmdet',
                train_dataloader=dict(dataset=dict(dataset, ann_file='train.json')),
                val_dataloader=dict(dataset=dict(dataset, ann_file='val.json')),
                val_evaluator=dict(type='CocoMetric', ann_file=str(tmp_path / 'metric.json')),
            )
        )

    return make


def said(cfg: Config) -> str:
    with pytest.raises(ClassesError) as error:
        check_classes(cfg, *SPLITS)
    return str(error.value)


def test_what_fits_and_a_subset(config: Callable) -> None:
    assert class_faults(config(NAMES), SPLITS) == ([], [])
    faults, notes = class_faults(config(('circle', 'square')), SPLITS)
    assert not faults and len(notes) == 3 and all("('triangle')" in note for note in notes)


@pytest.mark.parametrize('which', ['train', 'val', 'metric'])
def test_every_file_is_compared(config: Callable, tmp_path: Path, which: str) -> None:
    text = said(config(NAMES, **{which: ('Circle', 'square', 'triangle')}))
    assert f'{tmp_path / which}.json: ' in text and "'circle' is nearest to its 'Circle'" in text
    assert {'train': 'train_dataloader', 'metric': 'val_evaluator'}.get(which, 'val') in text
    assert text.count('\n') == 1
    assert 'another order' in said(config(NAMES, **{which: NAMES[::-1]}))


@pytest.mark.parametrize(
    ('metainfo', 'phrase'),
    [
        ({}, "has none of the classes 'person', 'bicycle'"),
        (dict(CLASSES=NAMES), 'metainfo has CLASSES'),
        ('circle', "classes is the text 'circle'"),
    ],
)
def test_settings_of_other_kinds(config: Callable, metainfo: object, phrase: str) -> None:
    assert phrase in said(config(metainfo))


def test_wrappers(config: Callable) -> None:
    cfg = config(NAMES)
    bad = dict(cfg.train_dataloader.dataset, metainfo=dict(classes=('circle', 'sqare')))
    repeated = dict(type='RepeatDataset', times=2, dataset=bad)
    balanced = dict(type='ClassBalancedDataset', oversample_thr=0.1, dataset=repeated)
    both = dict(type='ConcatDataset', datasets=[cfg.train_dataloader.dataset, balanced])
    cfg.train_dataloader.dataset = both
    assert 'train_dataloader.dataset.datasets.1.dataset.dataset' in said(cfg)


def test_one_of_two_training_sets_may_lack_a_class(config: Callable, tmp_path: Path) -> None:
    cfg = config((*NAMES, 'a rare one'), val=(*NAMES, 'a rare one'), metric=(*NAMES, 'a rare one'))
    faults, notes = class_faults(cfg, ('train',))
    assert not faults and len(notes) == 1 and "'a rare one', which this file" in notes[0]
    other = dict(cfg.train_dataloader.dataset, ann_file='val.json')
    both = dict(type='ConcatDataset', datasets=[cfg.train_dataloader.dataset, other])
    cfg.train_dataloader.dataset = both
    assert class_faults(cfg, ('train',)) == ([], [])


def test_a_head_with_another_number(config: Callable) -> None:
    cfg = config(NAMES)
    head = dict(type='Shared2FCBBoxHead', num_classes=3)
    cfg.model = dict(type='FasterRCNN', rpn_head=dict(num_classes=1), roi_head=dict(bbox_head=head))
    check_classes(cfg, *SPLITS)
    cfg.model.roi_head.bbox_head.num_classes = 80
    text = said(cfg)
    assert 'has 3 classes' in text and 'model.roi_head.bbox_head.num_classes is 80' in text
    cfg.model.language_model = dict(type='BertModel')  # its labels are words
    check_classes(cfg, *SPLITS)


def test_segmentation_and_classification() -> None:
    dataset = dict(type='BaseSegDataset', metainfo=dict(classes=NAMES))
    head = dict(type='FCNHead', num_classes=2)
    cfg = Config(dict(default_scope='mmseg', train_dataloader=dict(dataset=dataset),
                      model=dict(type='EncoderDecoder', decode_head=head)))  # fmt: skip
    assert 'model.decode_head.num_classes is 2' in said(cfg)
    cfg.model.decode_head.num_classes = 150
    check_classes(cfg, *SPLITS)
    cfg.train_dataloader.dataset.metainfo.classes = 'circle'
    assert "classes is the text 'circle'" in said(cfg)
    listed = dict(type='CustomDataset', ann_file='a.txt', classes=['crane', 'crane'])
    cfg = Config(dict(default_scope='mmpretrain', train_dataloader=dict(dataset=listed)))
    check_classes(cfg, *SPLITS)  # ImageNet has two classes of this name


def test_it_can_be_switched_off(config: Callable) -> None:
    for option in (None, dict(type='DataCheckHook', check_classes=False)):
        cfg = config('circle')
        cfg.default_hooks = dict(data_check=option)
        check_classes(cfg, *SPLITS)


def test_splits_that_differ(tmp_path: Path) -> None:
    for name in ('train/cat', 'train/dog', 'val/dog'):
        (tmp_path / name).mkdir(parents=True)
    for kind, scope, train, val, phrase in (
        ('CustomDataset', 'mmpretrain', dict(data_prefix='train'), dict(data_prefix='val'),
         "lacks 'cat'"),
        ('BaseSegDataset', 'mmseg', {}, dict(reduce_zero_label=True), 'reduce_zero_label is True'),
    ):  # fmt: skip
        train, val = (dict(one, type=kind, data_root=str(tmp_path)) for one in (train, val))
        loaders = dict(train_dataloader=dict(dataset=train), val_dataloader=dict(dataset=val))
        assert phrase in said(Config(dict(default_scope=scope, **loaders)))

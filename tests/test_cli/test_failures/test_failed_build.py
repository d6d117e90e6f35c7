"""Which part of a config could not be built, and what may be misspelt."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS, HOOKS, MODELS, init_default_scope

from mmsfa.cli.failures.failed_build import failed_build
from tests.helpers.coco_content import NAMES, coco_content
from tests.helpers.failures import explained


def build(cfg: Config) -> None:
    init_default_scope('mmpretrain')
    MODELS.build(cfg.model)


def test_a_misspelt_argument_is_named_with_its_place_in_the_config() -> None:
    cfg = Config(dict(model=dict(type='ImageClassifier', backbone=dict(type='ResNet', deph=50))))
    text = explained(lambda: build(cfg))
    assert text.startswith("TypeError: ResNet.__init__() got an unexpected keyword argument 'deph'")
    assert "Did you mean 'depth'?" in text
    assert 'while building model.backbone (ResNet)' in text
    assert re.search(r'at mmpretrain/models/classifiers/image.py:\d+: backbone = MODELS', text)


def test_an_argument_that_is_passed_on_to_a_base_class() -> None:
    text = explained(lambda: HOOKS.build(dict(type='MainProcessLoggerHook', intervall=1)))
    assert "Did you mean 'interval'?" in text


def test_a_name_without_its_scope_is_completed() -> None:
    init_default_scope('mmdet')
    text = explained(lambda: MODELS.build(dict(type='ESpikeFormer')))
    assert 'ESpikeFormer is not in the mmdet::model registry' in text
    assert "Did you mean 'mmpretrain.ESpikeFormer'?" in text
    assert 'http' not in text


def test_a_missing_type() -> None:
    cfg = Config(dict(model=dict(type='ImageClassifier', backbone=dict(depth=50))))
    assert 'while building model.backbone (an object without type)' in explained(lambda: build(cfg))


def test_a_part_that_is_there_twice_is_named_by_its_classes() -> None:
    wrong = dict(type='ResNet', depth=3)
    cfg = Config(dict(model=dict(type='ImageClassifier', backbone=wrong), other=wrong))
    assert 'while building ImageClassifier > ResNet' in explained(lambda: build(cfg))


def test_a_data_set_without_a_sample(tmp_path: Path) -> None:
    path = tmp_path / 'list.txt'
    path.write_text('')
    init_default_scope('mmpretrain')
    dataset = dict(type='CustomDataset', ann_file=str(path), classes=['a'], pipeline=[])
    text = explained(lambda: DATASETS.build(dataset))
    assert f'The data set has no sample ({path}): check ann_file, data_prefix' in text
    assert 'while building CustomDataset' in text


def test_what_fails_outside_of_a_build_has_no_part() -> None:
    with pytest.raises(ValueError, match='one') as caught:
        int('one')
    assert failed_build(caught.value) is None


@pytest.mark.parametrize(
    ('change', 'phrase'),
    [
        (dict(category_id='1'), "its category_id is '1', but the id is 1"),
        (dict(image_id='1'), "its image_id is '1', but the id is 1"),
        (dict(id=1), 'annotation id 1 occurs twice'),
        (dict(area=None), 'its area is None'),
    ],
)
def test_what_is_wrong_with_an_annotation_file_is_said(
    tmp_path: Path, change: dict, phrase: str
) -> None:
    content, path = coco_content(), tmp_path / 'instances.json'
    for entry in content['annotations']:
        entry.update(change)
    path.write_text(json.dumps(content))
    init_default_scope('mmdet')
    settings = dict(type='CocoDataset', ann_file=str(path), metainfo=dict(classes=NAMES))
    settings.update(pipeline=[], filter_cfg=dict(filter_empty_gt=True))
    text = explained(lambda: DATASETS.build(settings))
    assert 'The annotations have faults: ' in text and phrase in text
    assert 'while building CocoDataset' in text and 'no sample' not in text

"""Backbone, neck and heads must fit together."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmsfa.backbones import ESpikeFormer
from mmsfa.config.check_model import MisfitError, check_model


@pytest.fixture
def config(repo_dir: Path):
    def read(name: str, **options: object) -> Config:
        cfg = Config.fromfile(repo_dir / 'configs' / name)
        cfg.merge_from_dict({key.replace('__', '.'): value for key, value in options.items()})
        return cfg

    return read


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """Every warning that reaches the log."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield said
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    'name', ['det/mask_rcnn_esf.py', 'det/retinanet_esf.py', 'seg/upernet_esf.py', 'seg/fpn_esf.py']
)
def test_what_fits_is_left_alone(config, warnings, name: str) -> None:
    check_model(config(name))
    assert not warnings


@pytest.mark.parametrize(
    ('name', 'part', 'stated', 'true'),
    [
        ('det/mask_rcnn_esf.py', 'neck', '64, 128, 256, 360', '48, 96, 192, 240'),
        ('seg/upernet_esf.py', 'decode_head', '64, 128, 256, 360', '48, 96, 192, 240'),
        ('seg/fpn_esf.py', 'neck', '32, 64, 128, 360', '24, 48, 96, 240'),
    ],
)
def test_other_channels_are_refused(config, name: str, part: str, stated: str, true: str) -> None:
    message = rf'model\.{part}\.in_channels is \[{stated}\], but .* have \[{true}\] channels'
    with pytest.raises(MisfitError, match=message):
        check_model(config(name, model__backbone__arch='10m'))


def test_the_auxiliary_head_and_the_classifier_are_checked(config) -> None:
    with pytest.raises(MisfitError, match=r'auxiliary_head\.in_channels is \[100\].*\[256\]'):
        check_model(config('seg/upernet_esf.py', model__auxiliary_head__in_channels=100))
    with pytest.raises(MisfitError, match=r'head\.in_channels is \[64\].*\[128\]'):
        check_model(config('cls/esf_tiny_flowers5.py', model__head__in_channels=64))


def test_a_map_that_is_not_returned_is_refused(config) -> None:
    with pytest.raises(MisfitError, match='returns .*out_indices=.2, 3, 4'):
        check_model(config('seg/upernet_esf.py', model__backbone__out_indices=(2, 3, 4)))


def test_false_strides_are_said(config, warnings) -> None:
    check_model(config('det/mask_rcnn_esf_legacy_strides.py'))
    assert len(warnings) == 3
    assert 'anchor_generator.strides is [4, 8, 16, 32, 64]' in warnings[0]
    assert 'the maps have the strides [4, 8, 16, 16, 32]' in warnings[0]


def test_a_coarser_last_stage_needs_other_strides(config, warnings) -> None:
    check_model(config('det/mask_rcnn_esf_legacy_strides.py', model__backbone__stage4_stride=2))
    assert not warnings


def test_false_strides_of_a_decoder_are_said(config, warnings) -> None:
    check_model(config('seg/fpn_esf.py', model__decode_head__feature_strides=[4, 8, 16, 32]))
    assert len(warnings) == 1
    assert 'decode_head.feature_strides is [4, 8, 16, 32]' in warnings[0]


def test_other_backbones_are_not_judged(config) -> None:
    check_model(config('det/mask_rcnn_esf.py', model__backbone=dict(type='ResNet', depth=50)))


def test_a_chain_of_necks_is_judged_by_its_first(config, warnings) -> None:
    cfg = config('det/retinanet_esf.py')
    cfg.model.neck = [cfg.model.neck, dict(type='BFP', in_channels=256, num_levels=5)]
    check_model(cfg)
    cfg.model.neck[0].in_channels = [1, 2, 3]
    with pytest.raises(MisfitError, match=r'neck\.in_channels is \[1, 2, 3\]'):
        check_model(cfg)
    cfg.model.neck = dict(type='BFP', num_levels=5)  # says nothing of what it reads
    check_model(cfg)
    assert not warnings


def test_roi_extractors_may_be_a_list(config, warnings) -> None:
    cfg = config('det/cascade_mask_rcnn_esf.py')
    cfg.model.roi_head.bbox_roi_extractor = [cfg.model.roi_head.bbox_roi_extractor] * 3
    check_model(cfg)
    assert not warnings


def test_a_type_may_be_a_class(config) -> None:
    cfg = config('seg/upernet_esf.py', model__auxiliary_head__in_channels=100)
    cfg.model.backbone.type = ESpikeFormer
    with pytest.raises(MisfitError):
        check_model(cfg)


def test_weights_that_a_base_has_for_its_own_backbone(config) -> None:
    name = 'seg/upernet_esf.py'
    with pytest.raises(MisfitError, match="pretrained is 'open-mmlab://resnet50_v1c'.*=None"):
        check_model(config(name, model__pretrained='open-mmlab://resnet50_v1c'))
    check_model(config(name, model__pretrained=None))

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
from mmsfa.pretrain import SpikeMAE


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


CHANNELS = [24, 48, 96, 128]


def of_tiny(backbone: dict | None = None, **model: object) -> Config:
    """A config of mmdet on the smallest backbone."""
    found = dict(type='mmpretrain.ESpikeFormer', arch='tiny', **(backbone or {}))
    return Config(dict(default_scope='mmdet', model=dict(backbone=found, **model)))


def fpn(**options: object) -> dict:
    return dict(type='FPN', in_channels=CHANNELS, out_channels=8, num_outs=5, **options)


YOLO = dict(type='YOLOV3Neck', num_scales=3, in_channels=[128, 96, 48], out_channels=[32, 16, 8])
YOLO_HEAD = dict(type='YOLOV3Head', in_channels=[32, 16, 8], featmap_strides=[32, 16, 8])
THREE = dict(out_indices=(2, 3, 4), stage4_stride=2)


def test_a_neck_may_state_its_channels_deepest_first(warnings) -> None:
    check_model(of_tiny(THREE, neck=YOLO, bbox_head=YOLO_HEAD))
    assert not warnings
    check_model(of_tiny(THREE, neck=YOLO, bbox_head=dict(YOLO_HEAD, featmap_strides=[8, 16, 32])))
    assert 'is [8, 16, 32], but the maps have the strides [32, 16, 8]' in warnings[0]
    for wrong in ([48, 96, 128], [512, 256, 128]):
        with pytest.raises(MisfitError, match=r'lists them deepest first: \[128, 96, 48\]'):
            check_model(of_tiny(THREE, neck=dict(YOLO, in_channels=wrong), bbox_head=YOLO_HEAD))


@pytest.mark.parametrize(
    'head',
    [
        dict(bbox_head=dict(type='FCOSHead', strides=[8, 16, 32, 64, 128])),
        dict(bbox_head=dict(type='RepPointsHead', point_strides=[8, 16, 32, 64, 128])),
        dict(mask_head=dict(type='SOLOHead', strides=[16, 16, 32, 64, 64])),
        dict(panoptic_head=dict(type='Mask2FormerHead', strides=[8, 16, 32, 64])),
        dict(bbox_head=dict(type='RetinaHead')),
    ],
)
def test_stock_strides_are_said_of_every_head(warnings, head: dict) -> None:
    check_model(of_tiny(neck=fpn(start_level=1), **head))
    assert len(warnings) == 1 and 'the maps have the strides' in warnings[0]
    warnings.clear()
    check_model(of_tiny(dict(stage4_stride=2), neck=fpn(start_level=1), **head))
    assert not warnings


def test_anchors_of_a_picture_size_are_right(warnings) -> None:
    """SSD's last strides, and those of YOLACT, follow from the size of its pictures."""
    neck = dict(
        type='SSDNeck',
        in_channels=(48, 96),
        out_channels=(48, 96, 32, 16, 16, 16),
        level_strides=(2, 2, 1, 1),
        level_paddings=(1, 1, 0, 0),
    )
    head = dict(type='SSDHead', anchor_generator=dict(strides=[8, 16, 32, 64, 100, 300]))
    check_model(of_tiny(dict(out_indices=(2, 3)), neck=neck, bbox_head=head))
    strides = [550 / x for x in (69, 35, 18, 9, 5)]
    yolact = dict(type='YOLACTHead', anchor_generator=dict(strides=strides))
    check_model(of_tiny(dict(stage4_stride=2), neck=fpn(start_level=1), bbox_head=yolact))
    assert not warnings
    head['anchor_generator']['strides'] = [4, 8, 16, 32, 64, 128]
    check_model(of_tiny(dict(out_indices=(2, 3)), neck=neck, bbox_head=head))
    assert len(warnings) == 1


def test_maps_of_one_size_are_refused_where_sizes_must_double() -> None:
    pafpn = dict(type='PAFPN', in_channels=CHANNELS, out_channels=8, num_outs=4)
    yolox = dict(type='YOLOXPAFPN', in_channels=CHANNELS[1:], out_channels=8, num_csp_blocks=1)
    panoptic = dict(type='PanopticFPNHead', in_channels=8, inner_channels=32)
    for given, part, model in (
        ({}, 'neck', dict(neck=pafpn)),
        (dict(out_indices=(2, 3, 4)), 'neck', dict(neck=yolox)),
        (dict(out_indices=(2, 3, 4)), 'neck', dict(neck=YOLO)),
        ({}, 'semantic_head', dict(neck=fpn(), semantic_head=panoptic)),
    ):
        with pytest.raises(MisfitError, match=rf'model\.{part} needs .*16, 16\].*stage4_stride=2'):
            check_model(of_tiny(given, **model))
        check_model(of_tiny(dict(given, stage4_stride=2), **model))


def test_a_head_that_fails_with_both_is_not_judged() -> None:
    """LR-ASPP pools 49 x 49 positions, which the last map of our picture does not have."""
    head = dict(type='LRASPPHead', in_channels=(24, 48, 128), in_index=(0, 1, 2), channels=8)
    head = dict(head, num_classes=2, input_transform='multiple_select')
    for stride in (1, 2):
        cfg = of_tiny(dict(out_indices=(1, 2, 4), stage4_stride=stride), decode_head=head)
        cfg.default_scope = 'mmseg'
        check_model(cfg)


def test_details_and_panoptic_heads_are_checked() -> None:
    with pytest.raises(MisfitError, match=r'decode_head\.c1_in_channels is \[256\].*\[24\]'):
        check_model(of_tiny(decode_head=dict(in_channels=128, in_index=3, c1_in_channels=256)))
    with pytest.raises(MisfitError, match=r'panoptic_head\.in_channels is \[256, 512\]'):
        check_model(of_tiny(panoptic_head=dict(type='MaskFormerHead', in_channels=[256, 512])))


def test_the_check_can_be_switched_off(warnings) -> None:
    cfg = of_tiny(neck=fpn(start_level=1), bbox_head=dict(type='RetinaHead', in_channels=8))
    cfg.model.neck.in_channels = [1, 2, 3, 4]
    with pytest.raises(MisfitError, match='check_model = False'):
        check_model(cfg)
    cfg.check_model = False
    check_model(cfg)
    assert not warnings


def test_a_head_is_compared_with_the_neck_in_front_of_it() -> None:
    neck = dict(type='FPN', in_channels=CHANNELS, out_channels=32, num_outs=5)
    head = dict(type='RPNHead', in_channels=64)
    said = r'rpn_head\.in_channels is \[64\], but maps \[-1\] of the neck have \[32\]'
    with pytest.raises(MisfitError, match=said):
        check_model(of_tiny(neck=neck, rpn_head=head))


def test_a_neck_for_fewer_maps_is_refused() -> None:
    neck = dict(type='FPN', in_channels=CHANNELS[:3], out_channels=32, num_outs=5)
    with pytest.raises(MisfitError, match='of 3 maps, but the backbone returns 4'):
        check_model(of_tiny(neck=neck))


def test_layers_behind_pooling_may_change_the_channels(config) -> None:
    cfg = config('cls/esf_tiny_flowers5.py')
    layer = dict(type='LinearNeck', in_channels=cfg.model.head.in_channels, out_channels=64)
    cfg.model.neck = [dict(type='GlobalAveragePooling'), layer]
    with pytest.raises(MisfitError, match='maps .-1. of the neck have .64. channels'):
        check_model(cfg)
    cfg.model.head.in_channels = 64
    check_model(cfg)


@pytest.mark.parametrize('kind', ['MAE', 'SimMIM', 'MixMIM', 'SparK', SpikeMAE])
def test_masked_pre_training_of_others_is_refused(kind: str | type) -> None:
    backbone = dict(type='ESpikeFormer', arch='tiny')
    cfg = Config(dict(default_scope='mmpretrain', model=dict(type=kind, backbone=backbone)))
    if kind is SpikeMAE:
        check_model(cfg)
        return
    with pytest.raises(MisfitError, match=f'{kind} of mmpretrain hides patches'):
        check_model(cfg)

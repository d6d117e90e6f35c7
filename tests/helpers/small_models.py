"""Small models of every kind, lively and in float64, for tests that follow channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS
from torch import nn

from mmsfa.apis.trained_model import build_model
from tests.helpers.lively import lively_weights

CONFIGS = Path(__file__).parents[2] / 'configs'
BASE = dict(channels=(16, 32, 32, 32), depths=(1, 0, 0, 1, 1))
LARGE = dict(family='large', channels=(16, 32, 32), depths=(1, 0, 0, 1), local_ratio=1.5)


def classifier(arch: Any = None, **backbone: Any) -> nn.Module:
    """An ImageClassifier with a small ESpikeFormer; other settings are those of the backbone."""
    init_default_scope('mmpretrain')
    cfg = dict(
        type='ImageClassifier',
        backbone=dict(type='ESpikeFormer', arch=arch or BASE, out_indices=(4,), **backbone),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=3, in_channels=32),
    )
    return _ready(MODELS.build(cfg))


def detector(**options: Any) -> nn.Module:
    """The Mask R-CNN of the demo with fewer blocks."""
    cfg = Config.fromfile(CONFIGS / 'det/mask_rcnn_esf_demo.py')
    cfg.model.backbone.arch.depths = (1, 0, 0, 1, 0)
    cfg.model.merge_from_dict(options) if options else None
    return _ready(build_model(cfg))


def segmentor() -> nn.Module:
    """The UperNet of the demo with fewer blocks."""
    cfg = Config.fromfile(CONFIGS / 'seg/upernet_esf_demo.py')
    cfg.model.backbone.arch = dict(channels=(24, 48, 96, 128), depths=(1, 0, 0, 1, 0))
    return _ready(build_model(cfg))


def retinanet(spiking: bool) -> nn.Module:
    """A RetinaNet with an ESpikeFormer or with mmdet's own ResNet."""
    init_default_scope('mmdet')
    widths = (32, 32, 32) if spiking else (16, 32, 64)
    body: dict[str, Any] = dict(
        type='ResNet', depth=18, base_channels=8, num_stages=4, out_indices=(1, 2, 3)
    )
    if spiking:
        body = dict(type='mmpretrain.ESpikeFormer', arch=BASE, out_indices=(2, 3, 4))
        body['stage4_stride'] = 2
    prefix = 'Spike' if spiking else ''
    cfg = dict(
        type='RetinaNet',
        backbone=body,
        neck=dict(type=f'{prefix}FPN', in_channels=list(widths), out_channels=16, num_outs=5),
        bbox_head=dict(
            type=f'{prefix}RetinaHead',
            num_classes=3,
            in_channels=16,
            feat_channels=16,
            stacked_convs=2,
            anchor_generator=dict(
                type='AnchorGenerator', scales=[4], ratios=[1.0], strides=[8, 16, 32, 64, 128]
            ),
            bbox_coder=dict(type='DeltaXYWHBBoxCoder'),
        ),
    )
    return _ready(MODELS.build(cfg))


def _ready(model: nn.Module) -> nn.Module:
    return lively_weights(model).double().eval()

"""The settings that a model takes as a whole, and what its code reads of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS

from mmsfa.config.parts_of_models import parts_of_model


@pytest.mark.parametrize(
    ('config', 'part', 'known', 'unknown'),
    [
        ('det/mask_rcnn_esf.py', 'test_cfg.rcnn', 'score_thr max_per_img', 'score_th threshold'),
        ('det/mask_rcnn_esf.py', 'test_cfg', 'rcnn rpn', 'rcn'),
        ('det/mask_rcnn_esf.py', 'test_cfg.rcnn.nms', 'iou_threshold split_thr', 'iou_treshold'),
        ('det/mask_rcnn_esf.py', 'train_cfg.rcnn', 'mask_size pos_weight', 'masksize'),
        ('det/mask_rcnn_esf.py', 'train_cfg.rcnn.sampler', 'num pos_fraction', 'pos_fracton'),
        ('det/retinanet_esf.py', 'test_cfg', 'nms_pre min_bbox_size', 'nmspre'),
        ('seg/upernet_esf_dubai.py', 'test_cfg', 'mode crop_size stride', 'strides_'),
        ('cls/esf_83m_8xb128-ft_in1k.py', 'train_cfg', 'augments probs', 'augment_'),
    ],
)
def test_what_a_model_reads(
    repo_dir: Path, config: str, part: str, known: str, unknown: str
) -> None:
    cfg = Config.fromfile(repo_dir / 'configs' / config)
    with DATASETS.switch_scope_and_registry(cfg.default_scope):
        accepted = {key: names for key, _, names in parts_of_model(cfg.model)}[f'model.{part}']
    assert not [key for key in known.split() if accepted.refuses(key)]
    assert all(accepted.refuses(key) for key in unknown.split())

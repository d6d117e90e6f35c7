"""Predictions over pictures, in the right place and colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData

from mmsfa.config.scopes import scope_of
from mmsfa.visualization.prediction import PredictionDrawer

GREY = np.full((64, 128, 3), 100, np.uint8)


def drawer(config: Path, meta: dict, score_thr: float = 0.3) -> PredictionDrawer:
    cfg = Config.fromfile(config)
    scope_of(cfg)
    init_default_scope(cfg.default_scope)
    return PredictionDrawer(cfg, meta, score_thr)


@pytest.mark.slow
def test_segments_have_the_colours_of_their_classes(repo_dir: Path) -> None:
    from mmseg.structures import SegDataSample

    labels = torch.zeros(1, 64, 128, dtype=torch.long)
    labels[:, :, 64:] = 1
    sample = SegDataSample(pred_sem_seg=PixelData(data=labels))
    meta = dict(classes=('a', 'b'), palette=[(200, 0, 0), (0, 0, 200)])
    drawn = drawer(repo_dir / 'configs/seg/upernet_esf_demo.py', meta).draw(GREY, sample)
    assert drawn.shape == (512, 1024, 3)
    red, blue = drawn[-5, 5].astype(int), drawn[-5, -5].astype(int)  # far from the names
    assert red[0] > 140 > red[2] and blue[2] > 140 > blue[0]


@pytest.mark.slow
def test_segments_without_known_classes_are_drawn(repo_dir: Path) -> None:
    from mmseg.structures import SegDataSample

    labels = torch.arange(2).repeat_interleave(64).expand(1, 64, 128)
    sample = SegDataSample(pred_sem_seg=PixelData(data=labels))
    drawn = drawer(repo_dir / 'configs/seg/upernet_esf_demo.py', {}).draw(GREY, sample)
    assert not np.array_equal(drawn[-5, 5], drawn[-5, -5])


@pytest.mark.slow
def test_boxes_above_the_threshold_are_drawn(repo_dir: Path) -> None:
    from mmdet.structures import DetDataSample

    masks = torch.zeros(2, 64, 128, dtype=torch.bool)
    masks[0, 20:40, 10:40], masks[1, 20:40, 80:120] = True, True
    boxes = torch.tensor([[10.0, 20, 40, 40], [80, 20, 120, 40]])
    instances = InstanceData(
        bboxes=boxes, labels=torch.tensor([0, 1]), scores=torch.tensor([0.9, 0.5]), masks=masks
    )
    config = repo_dir / 'configs/det/mask_rcnn_esf_demo.py'
    meta = dict(classes=('a', 'b'), palette=[(200, 0, 0), (0, 0, 200)])

    def changed(score_thr: float) -> np.ndarray:
        sample = DetDataSample(pred_instances=instances)
        drawn = drawer(config, meta, score_thr).draw(GREY, sample)
        return (np.abs(drawn.astype(int) - 100).max(-1) > 20).reshape(64, 8, 128, 8).any((1, 3))

    both, one = changed(0.3), changed(0.7)
    assert both[30, 25] and both[30, 100]  # inside of the masks
    assert one[30, 25] and not one[:, 70:].any()
    assert not both[:15].any() and not both[45:].any()
    assert torch.equal(instances.bboxes, boxes)  # drawn from a copy


def test_a_class_is_named_over_its_picture(repo_dir: Path) -> None:
    from mmpretrain.structures import DataSample

    red = np.zeros((128, 128, 3), np.uint8)
    red[..., 0] = 200
    sample = DataSample().set_pred_score(torch.tensor([0.2, 0.8])).set_pred_label(1)
    drawn = drawer(repo_dir / 'configs/cls/esf_tiny_flowers5.py', dict(classes=['a', 'b'])).draw(
        red, sample
    )
    assert drawn.shape == (512, 512, 3)
    assert np.array_equal(drawn[-1, -1], [200, 0, 0])
    assert (drawn[:100] != [200, 0, 0]).any()


def test_two_models_do_not_share_a_visualizer(repo_dir: Path) -> None:
    config = repo_dir / 'configs/det/mask_rcnn_esf_demo.py'
    first, second = (drawer(config, dict(classes=names)) for names in (('a',), ('b',)))
    assert first.visualizer.dataset_meta['classes'] == ('a',)
    assert second.visualizer.dataset_meta['classes'] == ('b',)


def test_strips_are_not_enlarged_beyond_what_can_be_drawn(repo_dir: Path) -> None:
    from mmdet.structures import DetDataSample

    none = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0), scores=torch.zeros(0))
    sample = DetDataSample(pred_instances=none)
    draw = drawer(repo_dir / 'configs/det/mask_rcnn_esf_demo.py', dict(classes=('a',))).draw
    for shape, drawn in (((16, 2000), (32, 4000)), ((2000, 16), (4000, 32)), ((8, 9), (512, 576))):
        assert draw(np.zeros((*shape, 3), np.uint8), sample).shape[:2] == drawn

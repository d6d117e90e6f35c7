"""Proposals and instances of dense heads. Whole detectors: test_model.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mmdet.models.dense_heads import RetinaHead, RPNHead
from mmengine.config import ConfigDict

from mmsfa.export.whole.head_settings import one_stage_settings, proposal_settings
from mmsfa.runtime.dense import one_stage, proposals
from mmsfa.runtime.picture import Prepared

SIZES = [(12, 15), (6, 8), (3, 4)]
PICTURE = Prepared(np.zeros((1, 3, 96, 120), np.float32), (90, 118), (45, 59), (2.0, 2.0))
META = dict(img_shape=(90, 118), ori_shape=(45, 59), scale_factor=(2.0, 2.0))
ANCHORS = dict(type='AnchorGenerator', strides=[8, 16, 32], ratios=[0.5, 1.0], scales=[4.0])


def maps_of(channels: int) -> tuple[dict[str, np.ndarray], list[torch.Tensor], list[torch.Tensor]]:
    """Random scores of so many channels a place, and deltas of two anchors."""
    torch.manual_seed(0)
    scores = [torch.randn(1, channels, *size) * 2 for size in SIZES]
    deltas = [torch.randn(1, 8, *size) * 0.5 for size in SIZES]
    named = {f'head_0_{i}': x.numpy() for i, x in enumerate(scores)}
    named |= {f'head_1_{i}': x.numpy() for i, x in enumerate(deltas)}
    return named, scores, deltas


def settings(**changes: Any) -> ConfigDict:
    nms = dict(type='nms', iou_threshold=0.6)
    return ConfigDict(dict(nms_pre=60, score_thr=0.3, max_per_img=50, nms=nms) | changes)


@pytest.mark.parametrize('changes', [{}, dict(min_bbox_size=20), dict(nms_pre=-1)])
def test_proposals_of_an_rpn(changes: dict) -> None:
    head = RPNHead(8, anchor_generator=ANCHORS, test_cfg=settings(**changes))
    maps, scores, deltas = maps_of(2)
    want = head.predict_by_feat(scores, deltas, batch_img_metas=[META])[0]
    got = proposals(maps, proposal_settings(head), PICTURE)
    assert 5 < len(got) <= 50
    np.testing.assert_allclose(got, want.bboxes, atol=1e-3)


@pytest.mark.parametrize('sigmoid', [True, False])
def test_instances_with_sigmoid_and_softmax(sigmoid: bool) -> None:
    loss = dict(loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=sigmoid))
    head = RetinaHead(3, 8, anchor_generator=ANCHORS, test_cfg=settings(), **loss)
    maps, scores, deltas = maps_of(6 if sigmoid else 8)
    want = head.predict_by_feat(scores, deltas, batch_img_metas=[META], rescale=True)[0]
    got = one_stage(maps, one_stage_settings(head), PICTURE)
    assert len(got) == len(want) > 10
    assert got.labels.tolist() == want.labels.tolist()
    np.testing.assert_allclose(got.boxes, want.bboxes, atol=1e-3)
    np.testing.assert_allclose(got.scores, want.scores, rtol=1e-5)


def test_nothing_above_the_threshold() -> None:
    head = RetinaHead(3, 8, anchor_generator=ANCHORS, test_cfg=settings(score_thr=1.0))
    found = one_stage(maps_of(6)[0], one_stage_settings(head), PICTURE)
    assert len(found) == 0 and found.boxes.shape == (0, 4)

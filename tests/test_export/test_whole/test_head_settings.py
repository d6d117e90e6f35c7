"""Heads that the runtime imitates; all others are refused. Equality: tests/test_runtime."""

from __future__ import annotations

import pytest
from mmdet.models.dense_heads import FCOSHead, GFLHead, RetinaHead, RPNHead, YOLOV3Head
from mmengine.config import ConfigDict

from mmsfa.errors import OptionError
from mmsfa.export.whole.head_settings import (
    check_predicts_as,
    coder_settings,
    level_settings,
    nms_threshold,
    one_stage_settings,
    proposal_settings,
)

NMS = dict(type='nms', iou_threshold=0.5)
SQUARES = dict(type='AnchorGenerator', ratios=[1.0], scales=[8.0], strides=[8])
TEST = ConfigDict(nms_pre=7, score_thr=0.1, max_per_img=9, nms=NMS)


def test_one_stage_heads() -> None:
    retina = one_stage_settings(RetinaHead(3, 8, test_cfg=TEST))
    assert retina['sigmoid'] and retina['channels'] == 3 and not retina['score_factors']
    assert len(retina['levels']) == 5 and len(retina['levels'][0]['base']) == 9
    assert (retina['nms_pre'], retina['score_thr'], retina['max_per_img']) == (7, 0.1, 9)
    assert one_stage_settings(FCOSHead(3, 8, test_cfg=TEST))['score_factors']
    yolo = one_stage_settings(YOLOV3Head(3, [8, 8, 8], [8, 8, 8], test_cfg=TEST))
    assert yolo['type'] == 'yolo' and yolo['num_classes'] == 3 and yolo['conf_thr'] == -1
    loss = dict(loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False))
    softmax = one_stage_settings(RetinaHead(3, 8, test_cfg=TEST, **loss))
    assert not softmax['sigmoid'] and softmax['channels'] == 4


def test_heads_with_a_way_of_their_own() -> None:
    with pytest.raises(OptionError, match='BaseDenseHead of its mm library, and GFLHead has a way'):
        one_stage_settings(GFLHead(3, 8, anchor_generator=SQUARES, test_cfg=TEST))
    with pytest.raises(OptionError, match='must predict as RPNHead .* RetinaHead has'):
        check_predicts_as(RetinaHead(3, 8), RPNHead)


def test_proposals() -> None:
    found = proposal_settings(RPNHead(8, test_cfg=TEST))
    assert found['channels'] == 1 and found['coder']['type'] == 'delta'
    head = RPNHead(8, test_cfg=TEST)
    head.loss_cls.custom_cls_channels = True
    with pytest.raises(OptionError, match='CrossEntropyLoss of RPNHead has its own'):
        proposal_settings(head)


def test_other_boxes_and_other_nms() -> None:
    assert nms_threshold(dict(iou_threshold=0.3)) == 0.3
    for nms in (None, dict(type='soft_nms', iou_threshold=0.5), NMS | dict(class_agnostic=True)):
        with pytest.raises(OptionError, match='needs nms=dict'):
            nms_threshold(nms)
    with pytest.raises(OptionError, match='DistancePointBBoxCoder, got RetinaHead'):
        coder_settings(RetinaHead(3, 8))
    with pytest.raises(OptionError, match='MlvlPointGenerator, got RetinaHead'):
        level_settings(RetinaHead(3, 8))

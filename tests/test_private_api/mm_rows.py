"""mmcv, mmdet and mmpretrain."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from pathlib import Path

import torch
from mmcv.utils import ext_loader
from mmdet.evaluation import CocoMetric
from mmdet.models.roi_heads import CascadeRoIHead, StandardRoIHead
from mmdet.models.roi_heads.mask_heads import fcn_mask_head
from mmpretrain.models.heads import LinearClsHead
from mmpretrain.structures import DataSample

from tests.helpers.coco_content import coco_content
from tests.test_private_api.rows import row


@row('_ext', used_by='ops/stand_in.py spiking/inference/float64.py')
def mmcv_looks_its_operators_up(folder: Path) -> None:
    extension = importlib.import_module('mmcv._ext')
    assert sys.modules['mmcv']._ext is extension is sys.modules['mmcv._ext']
    assert ext_loader.load_ext('_ext', ['nms', 'softnms', 'roi_align_forward']) is extension
    operator = sys.modules['mmcv.ops.nms'].ext_module
    assert operator is extension, 'what is put into the module is what mmcv calls'


@row('_do_paste_mask', used_by='spiking/inference/float64.py')
def masks_are_pasted_in_float32(folder: Path) -> None:
    names = list(inspect.signature(fcn_mask_head._do_paste_mask).parameters)
    assert names[:4] == ['masks', 'boxes', 'img_h', 'img_w']
    masks, boxes = torch.ones(1, 1, 4, 4), torch.tensor([[1.0, 1.0, 5.0, 5.0]])
    pasted, _ = fcn_mask_head._do_paste_mask(masks, boxes, 6, 6, skip_empty=False)
    assert pasted.shape == (1, 6, 6) and pasted[0, 3, 3] == 1
    assert '_do_paste_mask(' in inspect.getsource(fcn_mask_head.FCNMaskHead)


@row('_bbox_forward', '_mask_forward', used_by='model_parts.py')
def roi_heads_run_without_a_loss(folder: Path) -> None:
    expected = {StandardRoIHead: ['x', 'rois'], CascadeRoIHead: ['stage', 'x', 'rois']}
    for head, names in expected.items():
        for method in (head._bbox_forward, head._mask_forward):
            assert list(inspect.signature(method).parameters)[1 : len(names) + 1] == names


@row('_get_loss', used_by='cls/distilled_classifier.py cls/distilled_head.py cls/heads.py')
def heads_give_their_loss_from_scores(folder: Path) -> None:
    head = LinearClsHead(3, 2)
    scores, samples = torch.zeros(1, 3), [DataSample().set_gt_label(1)]
    losses = head._get_loss(scores, samples)
    assert set(losses) == {'loss'} and losses['loss'].isclose(torch.tensor(3.0).log())
    features = (torch.zeros(1, 2),)
    assert head.loss(features, samples)['loss'] == head._get_loss(head(features), samples)['loss']


@row('_coco_api', used_by='data_check/loop_checks.py')
def a_metric_keeps_the_ground_truth_that_it_has_read(folder: Path) -> None:
    path = folder / 'a.json'
    path.write_text(json.dumps(coco_content()))
    coco = CocoMetric(ann_file=str(path))._coco_api
    assert coco.dataset == coco_content() and coco.anns[1] is coco.dataset['annotations'][0]
    assert coco.img_ann_map is coco.imgToAnns and coco.cat_img_map is coco.catToImgs

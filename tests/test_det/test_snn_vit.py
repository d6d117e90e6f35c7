"""A detector on SNN-ViT learns what it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmdet.evaluation import eval_map
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import nn

from mmsfa.apis.trained_model import build_model

CONFIGS = Path(__file__).parents[2] / 'configs/det'
SMALL = dict(
    backbone=dict(channels=64, depth=1, mlp_ratio=2, T=2, with_cp=False),
    neck=dict(in_channels=[32, 64, 64], out_channels=32, num_outs=3),
    bbox_head=dict(
        num_classes=3,
        in_channels=32,
        feat_channels=32,
        stacked_convs=1,
        anchor_generator=dict(strides=[8, 16, 32]),
    ),
)
STEPS = 160


def eight_pictures(root: Path) -> dict[str, Any]:
    """One batch of all training pictures, which are not flipped."""
    loader = Config.fromfile(CONFIGS / 'mask_rcnn_esf_demo.py').val_dataloader
    dataset = dict(
        loader.dataset,
        data_root=f'{root}/',
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='images/training/'),
    )
    loader = dict(batch_size=8, num_workers=0, dataset=dataset, sampler=loader.sampler)
    (batch,) = Runner.build_dataloader(loader, seed=0)
    return batch


def boxes_ap50(model: nn.Module, data: dict[str, Any]) -> float:
    """mAP at IoU 0.5, as PASCAL VOC counts it."""
    with torch.no_grad():
        found = [one.pred_instances for one in model(**data, mode='predict')]
    scored = [torch.cat([one.bboxes, one.scores[:, None]], 1) for one in found]
    detections = [
        [boxes[one.labels == label].numpy() for label in range(3)]
        for one, boxes in zip(found, scored, strict=True)
    ]
    truth = [sample.gt_instances for sample in data['data_samples']]
    annotations = [dict(bboxes=t.bboxes.numpy(), labels=t.labels.numpy()) for t in truth]
    return eval_map(detections, annotations, iou_thr=0.5, logger='silent')[0]


@pytest.mark.slow
def test_eight_pictures_are_learnt_by_heart(shapes_dir: Path) -> None:
    """c11, with RetinaNet."""
    torch.manual_seed(0)
    init_default_scope('mmdet')
    cfg = Config.fromfile(CONFIGS / 'retinanet_snn_vit.py')
    cfg.merge_from_dict(dict(model=SMALL))
    model = build_model(cfg).train()
    data = model.data_preprocessor(eight_pictures(shapes_dir), training=True)
    learning = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    rates = torch.optim.lr_scheduler.OneCycleLR(learning, 4e-3, STEPS)
    for _ in range(STEPS):
        loss, _ = model.parse_losses(model(**data, mode='loss'))
        learning.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10)
        learning.step()
        rates.step()
    assert boxes_ap50(model.eval(), data) >= 0.9

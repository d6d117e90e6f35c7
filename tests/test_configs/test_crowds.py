"""Crowds in training: background as mmdet has it, or left out by mmdet's own option."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mmdet.registry import DATASETS, TASK_UTILS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData


@pytest.mark.parametrize(('part', 'threshold'), [('rpn', 0.5), ('rcnn', 0.5), ('rcnn', None)])
def test_a_crowd_is_no_background_with_ignore_iof_thr(
    repo_dir: Path, shapes_dir: Path, tmp_path: Path, part: str, threshold: float | None
) -> None:
    content = json.loads((shapes_dir / 'annotations/instances_train.json').read_text())
    content['annotations'][0]['iscrowd'] = 1
    path = tmp_path / 'crowd.json'
    path.write_text(json.dumps(content))
    cfg = Config.fromfile(repo_dir / 'configs/det/mask_rcnn_esf_demo.py')
    cfg.train_dataloader.dataset.update(data_root=str(shapes_dir), ann_file=str(path))
    if threshold is not None:
        cfg.merge_from_dict({f'model.train_cfg.{part}.assigner.ignore_iof_thr': threshold})
    init_default_scope('mmdet')
    sample = DATASETS.build(cfg.train_dataloader.dataset)[0]['data_samples']
    (crowd,) = sample.ignored_instances.bboxes.tensor
    assert (
        len(sample.gt_instances)
        == sum(
            one['image_id'] == content['annotations'][0]['image_id']
            for one in content['annotations']
        )
        - 1
    )
    for instances in (sample.gt_instances, sample.ignored_instances):
        instances.bboxes = instances.bboxes.tensor
    elsewhere = torch.tensor([120.0, 120.0, 127.0, 127.0])
    priors = InstanceData(priors=torch.stack([crowd, crowd + 1, elsewhere]))
    assigner = TASK_UTILS.build(cfg.model.train_cfg[part].assigner)
    found = assigner.assign(priors, sample.gt_instances, sample.ignored_instances).gt_inds
    assert found.tolist() == ([0, 0, 0] if threshold is None else [-1, -1, 0])

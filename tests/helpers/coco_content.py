"""A small annotation file in the form of COCO, and predictions that nearly fit it."""

from __future__ import annotations

import contextlib
import io
import json
import random
from pathlib import Path

import torch
from mmdet.datasets import CocoDataset
from mmdet.evaluation import CocoMetric

NAMES = ('circle', 'square', 'triangle')


def coco_content() -> dict:
    """Eight pictures of 64 x 64 with four boxes each, of three categories."""
    rng = random.Random(1)
    images = [dict(id=i, file_name=f'{i}.png', width=64, height=64) for i in range(1, 9)]
    annotations = []
    for number in range(32):
        x, y, width, height = *rng.choices(range(40), k=2), *rng.choices(range(8, 20), k=2)
        annotations.append(
            dict(
                id=number + 1,
                image_id=number // 4 + 1,
                category_id=number % 3 + 1,
                bbox=[x, y, width, height],
                area=width * height,
                iscrowd=0,
            )
        )
    categories = [dict(id=i + 1, name=name) for i, name in enumerate(NAMES)]
    return dict(images=images, annotations=annotations, categories=categories)


def metric_of(path: Path, content: dict) -> CocoMetric:
    """Write the file; gives its metric with predictions of all boxes, some shifted."""
    path.write_text(json.dumps(content))
    sound, rng = coco_content(), random.Random(5)
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = CocoDataset(
            ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=NAMES),
            pipeline=[], test_mode=True,
        )  # fmt: skip
        metric = CocoMetric(ann_file=str(path))
    metric.dataset_meta = dataset.metainfo
    boxes: dict = {image['file_name']: [] for image in sound['images']}
    for entry in sound['annotations']:
        x, y, width, height = entry['bbox']
        x += rng.choice((0, 0, 1, 2))
        boxes[f'{entry["image_id"]}.png'].append((x, y, x + width, y + height))
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        name = Path(info['img_path']).name
        first = 4 * (int(Path(name).stem) - 1)
        predicted = dict(
            bboxes=torch.tensor(boxes[name]),
            scores=torch.linspace(0.9, 0.3, 4),
            labels=torch.arange(first, first + 4) % 3,
        )
        sample = dict(img_id=info['img_id'], ori_shape=(64, 64), pred_instances=predicted)
        metric.process({}, [sample])
    return metric


def precision_of(metric: CocoMetric) -> float:
    """The AP."""
    with contextlib.redirect_stdout(io.StringIO()):
        return metric.evaluate(len(metric.results))['coco/bbox_mAP']

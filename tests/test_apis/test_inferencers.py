"""The libraries' own Inferencers with our configs and checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

DET = 'configs/det/mask_rcnn_esf_demo.py'
SEG = 'configs/seg/upernet_esf_demo.py'
CLS = 'configs/cls/esf_tiny_flowers5.py'


@pytest.fixture
def weights(repo_dir: Path, tmp_path: Path):
    """Untrained weights of a config, in a checkpoint as training writes it."""

    def save(config: str, classes: tuple[str, ...]) -> str:
        cfg = Config.fromfile(repo_dir / config)
        init_default_scope(cfg.default_scope)
        if cfg.get('data_preprocessor'):
            cfg.model.data_preprocessor = cfg.data_preprocessor
        torch.manual_seed(0)
        path = tmp_path / 'weights.pth'
        meta = dict(dataset_meta=dict(classes=classes, palette=[(0, 0, 0)] * len(classes)))
        torch.save(dict(meta=meta, state_dict=MODELS.build(cfg.model).state_dict()), path)
        return str(path)

    return save


@pytest.fixture
def images(shapes_dir: Path) -> list[str]:
    return sorted(map(str, (shapes_dir / 'images/validation').iterdir()))[:2]


@pytest.mark.slow
def test_detection(repo_dir: Path, tmp_path: Path, weights, images: list[str]) -> None:
    from mmdet.apis import DetInferencer

    checkpoint = weights(DET, ('circle', 'square', 'triangle'))
    inferencer = DetInferencer(str(repo_dir / DET), checkpoint, device='cpu')
    found = inferencer(images, out_dir=str(tmp_path), pred_score_thr=0.0)['predictions']
    assert [len(one['masks']) for one in found] == [len(one['bboxes']) for one in found]
    assert all(set(one['labels']) <= {0, 1, 2} for one in found)
    assert len(list((tmp_path / 'vis').iterdir())) == len(images)


@pytest.mark.slow
def test_segmentation(repo_dir: Path, tmp_path: Path, weights, images: list[str]) -> None:
    from mmseg.apis import MMSegInferencer, inference_model

    classes = ('circle', 'square', 'triangle', 'stripes', 'grid', 'clouds')
    inferencer = MMSegInferencer(
        str(repo_dir / SEG),
        weights(SEG, classes),
        classes=classes,
        palette=[(0, 0, 0)] * 6,
        device='cpu',
    )
    maps = inferencer(images, out_dir=str(tmp_path))['predictions']
    for path, labels in zip(images, maps, strict=True):
        sample = inference_model(inferencer.model, path)
        assert np.array_equal(labels, sample.pred_sem_seg.data[0].numpy())
    assert len(list((tmp_path / 'vis').iterdir())) == len(images)


def test_classification(repo_dir: Path, tmp_path: Path, weights, images: list[str]) -> None:
    from mmpretrain import ImageClassificationInferencer

    classes = ('daisy', 'dandelion', 'roses', 'sunflowers', 'tulips')
    inferencer = ImageClassificationInferencer(
        str(repo_dir / CLS), pretrained=weights(CLS, classes), classes=classes, device='cpu'
    )
    for one in inferencer(images, show_dir=str(tmp_path / 'pictures')):
        assert one['pred_class'] == classes[one['pred_label']]
        assert sum(one['pred_scores']) == pytest.approx(1)
    assert len(list((tmp_path / 'pictures').iterdir())) == len(images)

"""From a picture to its result as PyTorch finds it, for each kind of model.

PyTorch computes the graphs here, so that all the rest must be equal; the graphs themselves are
tested in tests/test_export.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from PIL import Image

from mmsfa.apis.trained_model import build_model
from mmsfa.layers.readout import readout_layers
from mmsfa.model_parts import heads_of
from mmsfa.runtime import Instances, Model, Segmentation
from tests.helpers.lively import lively_weights
from tests.helpers.torch_folder import torch_runtime

ARCH = dict(channels=(16, 32, 32, 32), depths=(1, 0, 0, 1, 0))
SCALE = 'test_dataloader.dataset.pipeline.1.scale'
CONTINUOUS = dict(type='ReLU')  # a step of rounding in a region's box flips no count
MASK_RCNN: dict[str, Any] = {
    'model.backbone.arch': ARCH,
    'model.neck.in_channels': [16, 32, 32, 32],
    'model.roi_head.bbox_head.neuron_cfg': CONTINUOUS,
    'model.roi_head.mask_head.neuron_cfg': CONTINUOUS,
    'model.test_cfg.rpn.max_per_img': 40,
    'model.test_cfg.rcnn.max_per_img': 20,
    SCALE: (96, 96),
}
CASCADE = {
    **{key: value for key, value in MASK_RCNN.items() if 'bbox_head' not in key},
    **{f'model.roi_head.bbox_head.{i}.neuron_cfg': CONTINUOUS for i in range(3)},
    **{f'model.roi_head.bbox_head.{i}.conv_out_channels': 16 for i in range(3)},
    **{f'model.roi_head.bbox_head.{i}.fc_out_channels': 16 for i in range(3)},
    SCALE: (96, 64),
}
RETINANET: dict[str, Any] = {
    'model.backbone.arch': ARCH,
    'model.neck.in_channels': [32, 32, 32],
    'model.neck.out_channels': 16,
    'model.bbox_head.in_channels': 16,
    'model.bbox_head.feat_channels': 16,
    SCALE: (120, 80),
}
FCOS = dict(
    type='FCOSHead',
    num_classes=80,
    in_channels=16,
    feat_channels=16,
    stacked_convs=1,
    norm_cfg=None,
)
YOLO = {
    'model.backbone': dict(type='mmpretrain.ESpikeFormer', arch=ARCH, out_indices=(1, 2, 3)),
    'model.neck.in_channels': [32, 32, 16],
    'model.neck.out_channels': [32, 16, 16],
    'model.bbox_head.in_channels': [32, 16, 16],
    'model.bbox_head.out_channels': [32, 16, 16],
    'model.bbox_head.featmap_strides': [16, 8, 4],
    'model.bbox_head.anchor_generator.strides': [16, 8, 4],
    SCALE: (96, 64),
}
UPERNET: dict[str, Any] = {
    'model.backbone.arch': ARCH,
    'model.decode_head.in_channels': [16, 32, 32, 32],
    'model.decode_head.channels': 16,
    'model.auxiliary_head': None,
    SCALE: (90, 90),
}
WINDOWS = {'model.test_cfg': dict(mode='slide', crop_size=(48, 64), stride=(30, 40))}
PADDED = {
    'model.test_cfg': dict(mode='whole'),
    'model.data_preprocessor.test_cfg': dict(size_divisor=32),
}
CLASSIFIER = {'model.backbone.arch': ARCH, 'model.head.in_channels': 32}
# kind -> (config, changes)
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    'Mask R-CNN': ('det/mask_rcnn_esf_nuclei.py', MASK_RCNN),
    'Faster R-CNN': (
        'det/mask_rcnn_esf_demo.py',
        MASK_RCNN | {'model.roi_head.mask_head': None, 'model.roi_head.mask_roi_extractor': None},
    ),
    'Cascade Mask R-CNN': ('det/cascade_mask_rcnn_esf.py', CASCADE),
    'RetinaNet': ('det/retinanet_esf.py', RETINANET),
    'FCOS': ('det/retinanet_esf.py', RETINANET | {'model.type': 'FCOS', 'model.bbox_head': FCOS}),
    'YOLOv3': ('det/yolov3_snn_vit.py', YOLO),
    'UperNet': ('seg/upernet_esf_demo.py', UPERNET),
    'UperNet in windows': ('seg/upernet_esf_dubai.py', UPERNET | WINDOWS),
    'UperNet, padded': ('seg/upernet_esf_dubai.py', UPERNET | PADDED),
    'classifier': ('cls/esf_tiny_flowers5.py', CLASSIFIER),
}


def config_of(repo_dir: Path, kind: str) -> Config:
    name, changes = KINDS[kind]
    cfg = Config.fromfile(repo_dir / 'configs' / name)
    for key, value in changes.items():
        *path, last = key.split('.')
        part = cfg
        for step in path:
            part = part[int(step)] if step.isdigit() else part[step]
        part[last] = value
        if value is None:
            del part[last]
    return cfg


def model_of(cfg: Config) -> Any:
    """Lively, with scores that are not all 1: the order of equal ones is nobody's."""
    model = lively_weights(build_model(cfg))
    for path, head in heads_of(model):
        for name in readout_layers(head) if 'head' in path else ():
            layer = head.get_submodule(name)
            with torch.no_grad():
                layer.weight.mul_(0.1)
                layer.bias.zero_() if layer.bias is not None else None
    return model


def of_pytorch(cfg: Config, model: Any, path: Path) -> Any:
    init_default_scope(cfg.default_scope)
    pipeline = [t for t in cfg.test_dataloader.dataset.pipeline if t.type != 'LoadAnnotations']
    sample = Compose(pipeline)(dict(img_path=str(path), img_id=0))
    with torch.no_grad():
        return model.test_step(pseudo_collate([sample]))[0]


@pytest.fixture(scope='module')
def picture(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[int, int]], Path]:
    """A function that draws a picture of a size."""
    folder = tmp_path_factory.mktemp('pictures')

    def draw(size: tuple[int, int]) -> Path:
        path = folder / f'{size}.png'
        noise = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
        Image.fromarray(noise).resize(size[::-1], Image.Resampling.BICUBIC).save(path)
        return path

    return draw


@pytest.mark.parametrize('kind', KINDS)
def test_equal_to_pytorch(repo_dir: Path, picture: Callable, kind: str) -> None:
    cfg = config_of(repo_dir, kind)
    path = picture((150, 170) if kind == 'classifier' else (50, 70))
    model = model_of(cfg)
    runtime: Model = torch_runtime(cfg, model)
    want, got = of_pytorch(cfg, model, path), runtime(path)
    if isinstance(got, Instances):
        instances = want.pred_instances
        assert len(got) == len(instances) > 4
        assert got.labels.tolist() == instances.labels.tolist()
        np.testing.assert_allclose(got.scores, instances.scores, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(got.boxes, instances.bboxes, rtol=1e-5, atol=1e-3)
        assert (got.masks is not None) == ('masks' in instances)
        if got.masks is not None:
            assert (got.masks != instances.masks.numpy()).mean() < 1e-4 and got.masks.any()
    elif isinstance(got, Segmentation):
        labels = want.pred_sem_seg.data[0].numpy()
        assert (got.labels == labels).mean() > 0.999 and len(np.unique(labels)) > 1
    else:
        np.testing.assert_allclose(got.scores, want.pred_score, rtol=1e-5)
        assert got.label == want.pred_label.item()

"""The demos' Mask R-CNN and UperNet and the flowers classifier, small, and a batch of each."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData, PixelData
from torch import nn

from mmsfa.model_parts import bare_model

CONFIGS = {
    'detector': 'det/mask_rcnn_esf_demo.py',
    'segmentor': 'seg/upernet_esf_demo.py',
    'classifier': 'cls/esf_tiny_flowers5.py',
}


@pytest.fixture
def config(repo_dir: Path) -> Callable[[str], Config]:
    """A function that reads the config of one kind; its scope becomes the default."""

    def read(kind: str) -> Config:
        cfg = Config.fromfile(repo_dir / 'configs' / CONFIGS[kind])
        init_default_scope(cfg.default_scope)
        if cfg.get('data_preprocessor'):
            cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
        cfg.model.backbone.drop_path_rate = 0
        if kind == 'segmentor':  # BN in a pooling of 1 x 1 needs two pictures, dropout draws
            cfg.model.decode_head.dropout_ratio = cfg.model.auxiliary_head.dropout_ratio = 0
        return cfg

    return read


@pytest.fixture
def build(config, lively_weights) -> Callable[..., nn.Module]:
    """A function that builds the model of one kind, with the same weights whatever its losses."""

    def make(kind: str, losses: dict | None = None) -> nn.Module:
        model = deepcopy(config(kind).model)
        if losses is not None:
            model = dict(type='AuxiliaryLosses', of=model, losses=losses)
        built = MODELS.build(model)
        plain = MODELS.build(deepcopy(bare_model(model)))
        built.load_state_dict(lively_weights(plain).state_dict(), strict=False)
        return built.train()

    return make


def batch(kind: str, size: int = 64) -> dict:
    """Two pictures and their ground truth, as a data loader gives them."""
    draw = torch.Generator().manual_seed(2)
    pictures = torch.randint(0, 256, (2, 3, size, size), generator=draw, dtype=torch.uint8)
    if kind == 'classifier':
        from mmpretrain.structures import DataSample

        samples = [DataSample().set_gt_label(label) for label in (0, 3)]
        return dict(inputs=pictures, data_samples=samples)
    shape = dict(img_shape=(size, size), ori_shape=(size, size), batch_input_shape=(size, size))
    if kind == 'segmentor':
        from mmseg.structures import SegDataSample

        labels = [torch.randint(0, 6, (1, size, size), generator=draw) for _ in range(2)]
        samples = [SegDataSample(metainfo=shape, gt_sem_seg=PixelData(data=one)) for one in labels]
        return dict(inputs=list(pictures), data_samples=samples)
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks

    samples = []
    for corner in (4, 20):
        mask = torch.zeros(1, size, size, dtype=torch.uint8)
        mask[:, corner : corner + 30, corner : corner + 30] = 1
        truth = InstanceData(
            bboxes=torch.tensor([[corner, corner, corner + 30, corner + 30]]).float(),
            labels=torch.tensor([1]),
            masks=BitmapMasks(mask.numpy(), size, size),
        )
        shape = dict(shape, scale_factor=(1.0, 1.0))
        samples.append(DetDataSample(metainfo=shape, gt_instances=truth))
    return dict(inputs=list(pictures), data_samples=samples)


@pytest.fixture(name='batch')
def batch_fixture() -> Callable[..., dict]:
    """The function that makes a batch of one kind."""
    return batch

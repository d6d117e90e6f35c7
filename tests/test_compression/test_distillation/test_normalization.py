"""A teacher's pictures are those that its own preprocessor would have made."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor

from mmsfa.compression.distillation.normalization import renormalize

IMAGENET = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
HALVES = dict(mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True)
BGR = dict(mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0], to_rgb=False)
RAW = dict(to_rgb=True)
MIXED = dict(augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)])


def build(cfg: dict, augments: dict | None = None) -> torch.nn.Module:
    return MODELS.build(
        dict(cfg, type='ClsDataPreprocessor', num_classes=5, batch_augments=augments)
    )


def pictures(preprocessor: torch.nn.Module, seed: int) -> Tensor:
    """A batch as it is in training; the seed fixes pictures and mixing."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    samples = [DataSample().set_gt_label(label) for label in range(4)]
    data = dict(inputs=torch.randint(0, 256, (4, 3, 8, 8)), data_samples=samples)
    return preprocessor(data, training=True)['inputs']


@pytest.mark.parametrize('source', [IMAGENET, BGR, RAW], ids=['rgb', 'bgr', 'raw'])
@pytest.mark.parametrize('target', [IMAGENET, HALVES, BGR], ids=['rgb', 'halves', 'bgr'])
@pytest.mark.parametrize('seed', range(3))  # mixup and cutmix both come up
def test_mixed_pictures_are_normalised_anew(source: dict, target: dict, seed: int) -> None:
    student, teacher = build(source, MIXED), build(target, MIXED)
    given = renormalize(pictures(student, seed), student, build(target))
    torch.testing.assert_close(given, pictures(teacher, seed), rtol=0, atol=1e-4)


@pytest.mark.parametrize('target', [None, RAW, IMAGENET], ids=['none', 'no mean', 'same'])
def test_nothing_to_do(target: dict | None) -> None:
    student = build(IMAGENET)
    images = torch.randn(2, 3, 4, 4)
    assert renormalize(images, student, target and build(target)) is images


def test_preprocessors_of_the_other_libraries() -> None:
    from mmengine.model import ImgDataPreprocessor

    student = build(IMAGENET)
    images = pictures(student, 0)
    other = ImgDataPreprocessor(mean=BGR['mean'], std=BGR['std'])
    torch.testing.assert_close(
        renormalize(images, student, other), renormalize(images, student, build(BGR))
    )
    other = ImgDataPreprocessor(mean=HALVES['mean'], std=HALVES['std'], bgr_to_rgb=True)
    torch.testing.assert_close(
        renormalize(images, student, other), renormalize(images, student, build(HALVES))
    )

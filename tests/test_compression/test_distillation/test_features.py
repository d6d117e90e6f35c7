"""Maps of a student follow those of an ordinary teacher with other channels and sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.registry import MODELS
from torch import nn
from torch.nn import functional as F

from mmsfa.compression.distillation import FeatureDistillationLoss
from mmsfa.compression.distillation.features import _gram, _places
from mmsfa.losses import Batch

TEACHER = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(type='mmpretrain.MobileNetV2', widen_factor=0.1, out_indices=(2, 4)),
    _scope_='mmpretrain',
)


class Student(nn.Module):
    """Two maps of 8 and 16 channels from one backbone."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, 8, 1), nn.Conv2d(8, 16, 1)
        self.data_preprocessor = BaseDataPreprocessor()


@pytest.fixture
def settings(tmp_path: Path) -> dict:
    torch.manual_seed(1)
    path = tmp_path / 'teacher.pth'
    torch.save(MODELS.build(TEACHER).state_dict(), path)
    return dict(teacher=TEACHER, teacher_ckpt=str(path))


def one_step(loss: FeatureDistillationLoss, images: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(0)
    student = Student()
    first = student.first(images)
    maps = dict(first=[first], second=[student.second(first)], both=[(first, first)])
    return loss({name: maps[name] for name in loss.features}, Batch(student, images, None))


def maps_of(loss: FeatureDistillationLoss, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return loss.teacher.model.extract_feat(images)


IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize('standardize', [False, True])
def test_the_formula(settings: dict, standardize: bool) -> None:
    """One map of 8 channels, resized: the teacher's has half the size."""
    names = {'first': 'backbone.layer4'}
    loss = FeatureDistillationLoss(**settings, features=names, standardize=standardize)
    student = Student()
    mine = student.first(IMAGES)
    theirs = loss.teacher.outputs(['backbone.layer4'], IMAGES, student.data_preprocessor)
    (theirs,) = theirs['backbone.layer4']
    assert theirs.shape[1] == 8 and theirs.shape[2:] != mine.shape[2:]
    wanted = F.interpolate(theirs, mine.shape[2:], mode='bilinear')
    found = loss({'first': [mine]}, Batch(student, IMAGES, None))
    if standardize:
        bn = nn.BatchNorm2d(8, eps=1e-6, affine=False)
        rows = [F.batch_norm(x, None, None, training=True, eps=1e-6) for x in (mine, wanted)]
        torch.testing.assert_close(found, F.mse_loss(*rows))
        assert bn(mine).shape == mine.shape
    else:
        torch.testing.assert_close(found, F.mse_loss(mine, wanted))


def test_a_projection_where_channels_differ(settings: dict) -> None:
    names = {'second': 'backbone.layer4'}
    loss = FeatureDistillationLoss(**settings, features=names, channels=(16, 8))
    assert {tuple(p.shape) for p in loss.parameters()} == {(8, 16, 1, 1), (8,)}
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.05)
    losses = []
    for _ in range(20):
        found = one_step(loss, IMAGES)
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        losses.append(found.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_maps_in_half_precision(settings: dict, dtype: torch.dtype) -> None:
    """Squares of some hundreds overflow in float16; autocast would cast the projection."""
    names = {'second': 'backbone.layer4'}
    loss = FeatureDistillationLoss(**settings, features=names, channels=(16, 8), standardize=True)
    maps = (300 * torch.randn(2, 16, 4, 4)).to(dtype).requires_grad_()
    whole = loss({'second': [maps.float()]}, Batch(Student(), IMAGES, None))
    with torch.autocast('cpu', torch.bfloat16):
        found = loss({'second': [maps]}, Batch(Student(), IMAGES, None))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, whole, rtol=0.05, atol=0)
    found.backward()
    assert maps.grad.isfinite().all()


def test_several_maps_are_averaged(settings: dict) -> None:
    names = {'first': 'backbone.layer4', 'second': 'backbone.layer3'}
    channels = [(8, 8), (16, 8)]
    both = FeatureDistillationLoss(**settings, features=names, channels=channels)
    alone = []
    for index, name in enumerate(names):
        one = FeatureDistillationLoss(
            **settings, features={name: names[name]}, channels=[channels[index]]
        )
        one.projections[0].load_state_dict(both.projections[index].state_dict())
        alone.append(one_step(one, IMAGES))
    torch.testing.assert_close(one_step(both, IMAGES), sum(alone) / 2)


def test_what_does_not_fit_is_refused_in_a_sentence(settings: dict) -> None:
    def refused(message: str, features: dict, channels: tuple = ()) -> None:
        loss = FeatureDistillationLoss(**settings, features=features, channels=channels)
        with pytest.raises(ValueError, match=message):
            one_step(loss, IMAGES)

    refused(r'channels=\(16, 8\), to learn a projection', {'second': 'backbone.layer4'})
    refused('gives 2 maps and backbone.layer4 of the teacher 1', {'both': 'backbone.layer4'})
    refused('one pair for each of the 1 maps', {'first': 'backbone.layer4'}, [(8, 8), (8, 8)])
    with pytest.raises(ValueError, match="features must name.*{'neck': 'neck'}.*got None"):
        FeatureDistillationLoss(**settings)


def test_the_formula_of_gram_matrices(settings: dict) -> None:
    """16 channels of 8 x 8 places against 8 of 4 x 4: cosines between the places of both."""
    names = {'second': 'backbone.layer4'}
    loss = FeatureDistillationLoss(**settings, features=names, gram=True)
    assert not list(loss.parameters())
    student = Student()
    mine = student.second(student.first(IMAGES))
    theirs = loss.teacher.outputs(['backbone.layer4'], IMAGES, student.data_preprocessor)
    (theirs,) = theirs['backbone.layer4']
    assert mine.shape[1] == 2 * theirs.shape[1] and mine.shape[3] == 2 * theirs.shape[3]
    distances = []
    for one in (F.avg_pool2d(mine, 2), theirs):
        places = one.flatten(2)
        cosines = [
            F.cosine_similarity(places[:, :, i, None], places, dim=1)
            for i in range(places.shape[2])
        ]
        distances.append(torch.stack(cosines, 1))
    found = loss({'second': [mine]}, Batch(student, IMAGES, None))
    torch.testing.assert_close(found, F.mse_loss(*distances))
    found.backward()
    assert student.second.weight.grad.any()
    # only where they point, not how long they are
    torch.testing.assert_close(loss({'second': [3 * mine]}, Batch(student, IMAGES, None)), found)


def test_gram_matrices_of_large_maps_stay_small(settings: dict) -> None:
    maps = torch.randn(1, 4, 40, 64)
    assert _places(maps, torch.randn(1, 8, 20, 8)) == (16, 8)
    assert _gram(maps, (16, 16)).shape == (1, 256, 256)
    assert _places(torch.randn(1, 4, 400, 1), torch.randn(1, 4, 196, 1)) == (196, 1)
    with pytest.raises(ValueError, match='gram compares places.*leave out channels='):
        FeatureDistillationLoss(**settings, features={'a': 'b'}, channels=(1, 2), gram=True)

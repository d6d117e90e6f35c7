"""Scores of a real segmentor, detector and classifier follow those of a teacher."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from mmsfa.compression.distillation import (
    LogitDistillationLoss,
    sigmoid_distillation_loss,
    soft_distillation_loss,
)
from mmsfa.losses import Batch, add_auxiliary_losses
from tests.helpers.student_config import read


@pytest.fixture
def pair(repo_dir: Path, tmp_path: Path, lively_weights):
    """A function: config name -> (student, settings of a teacher of the same kind)."""

    def make(name: str) -> tuple[nn.Module, dict]:
        cfg = read(repo_dir, name)
        if 'retinanet' in name:
            cfg.model.backbone.update(arch='tiny')
            cfg.model.neck.in_channels = [48, 96, 128]
        student = lively_weights(MODELS.build(deepcopy(cfg.model)), seed=1)
        teacher = lively_weights(MODELS.build(deepcopy(cfg.model)), seed=2)
        torch.save(teacher.state_dict(), tmp_path / 'teacher.pth')
        return student, dict(teacher=cfg.model, teacher_ckpt=str(tmp_path / 'teacher.pth'))

    return make


@pytest.mark.slow
def test_maps_of_a_segmentor(pair) -> None:
    student, settings = pair('seg/upernet_esf_demo.py')
    loss = LogitDistillationLoss(**settings, tau=2.0)
    loss.check(student)
    images = torch.randn(2, 3, 64, 64)
    outputs = {loss.module: [student.eval()(images)]}
    (expected,) = [soft_distillation_loss(outputs[loss.module][0], loss.teacher.model(images), 2.0)]
    assert expected > 0
    torch.testing.assert_close(loss(outputs, Batch(student, images, None)), expected)
    # a student of half the resolution
    small = {loss.module: [F.avg_pool2d(outputs[loss.module][0], 2)]}
    assert loss(small, Batch(student, images, None)) > 0


@pytest.mark.slow
def test_levels_of_a_detector(pair) -> None:
    student, settings = pair('det/retinanet_esf.py')
    with pytest.raises(ValueError, match="needs kind='sigmoid' there, got 'soft'"):
        add_auxiliary_losses(student, dict(kd=LogitDistillationLoss(**settings)))
    loss = LogitDistillationLoss(**settings, kind='sigmoid')
    loss.check(student)
    images = torch.randn(1, 3, 64, 64)
    scores, seen = student.eval()(images)[0], loss.teacher.model(images)[0]
    expected = sum(map(sigmoid_distillation_loss, scores, seen)) / 5
    found = loss({loss.module: list(scores)}, Batch(student, images, None))
    torch.testing.assert_close(found, expected)
    with pytest.raises(ValueError, match='ran 4 times .* teacher 5 times'):
        loss({loss.module: list(scores[:4])}, Batch(student, images, None))


def test_objectness_of_a_two_stage_detector(pair) -> None:
    student, settings = pair('det/mask_rcnn_esf_demo.py')
    loss = LogitDistillationLoss(**settings, kind='sigmoid', module='rpn_head.rpn_cls')
    loss.check(student)
    loss.prepare()
    assert loss.teacher_module == 'rpn_head.rpn_cls'
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        scores = list(student.eval().rpn_head(student.extract_feat(images))[0])
    assert loss({'rpn_head.rpn_cls': scores}, Batch(student, images, None)) > 0


def test_a_misspelt_module_is_named(pair) -> None:
    student, settings = pair('det/mask_rcnn_esf_demo.py')
    loss = LogitDistillationLoss(**settings, kind='sigmoid', module='rpn_hed.rpn_cls')
    with pytest.raises(ValueError, match=r"no module 'rpn_hed\.rpn_cls'.*rpn_head"):
        add_auxiliary_losses(student, dict(kd=loss))


@pytest.mark.slow
def test_a_student_learns_the_scores(pair) -> None:
    student, settings = pair('cls/esf_tiny_flowers5.py')
    model = add_auxiliary_losses(student, dict(kd=LogitDistillationLoss(**settings)))
    images = torch.randn(4, 3, 64, 64)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(24):
        loss = kd_of(model, images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-8:]) / 8 < 0.4 * losses[0]  # one step alone goes up and down


def kd_of(model: nn.Module, images: Tensor) -> Tensor:
    from mmpretrain.structures import DataSample

    samples = [DataSample().set_gt_label(0) for _ in images]
    return model.loss(images, samples)['loss_kd']


@pytest.mark.parametrize(
    ('setting', 'message'),
    [
        (dict(kind='firm'), "kind must be 'hard', 'soft' or 'sigmoid', got 'firm'"),
        (dict(tau=0), r'tau .* greater than 0, got 0'),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LogitDistillationLoss({}, **setting)

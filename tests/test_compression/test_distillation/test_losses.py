"""The two losses: written out, and their gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmsfa.compression.distillation import (
    hard_distillation_loss,
    sigmoid_distillation_loss,
    soft_distillation_loss,
)


@pytest.fixture
def scores() -> tuple[Tensor, Tensor]:
    """Of a student and of a teacher, shape (6, 5)."""
    draw = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 6, 5, generator=draw, dtype=torch.float64) * 3
    return student.requires_grad_(), teacher


def test_hard_is_the_log_probability_of_the_class_that_the_teacher_prefers(scores) -> None:
    student, teacher = scores
    likely = [float(student[i].softmax(0)[teacher[i].argmax()].detach()) for i in range(6)]
    expected = -torch.tensor(likely, dtype=torch.float64).log().mean()
    torch.testing.assert_close(hard_distillation_loss(student, teacher), expected)


@pytest.mark.parametrize('tau', [1.0, 3.0])
def test_soft_is_the_divergence_over_the_number_of_scores(scores, tau: float) -> None:
    student, teacher = scores
    p, q = (teacher / tau).softmax(1), (student / tau).softmax(1)
    loss = soft_distillation_loss(student, teacher, tau)
    torch.testing.assert_close(loss, (p * (p / q).log()).sum() * tau**2 / 30)
    (gradient,) = torch.autograd.grad(loss, student)
    torch.testing.assert_close(gradient, tau * (q - p) / 30)


def test_soft_is_nothing_where_both_agree(scores) -> None:
    _, teacher = scores
    student = (teacher + 2).requires_grad_()  # softmax does not see a constant
    loss = soft_distillation_loss(student, teacher)
    assert abs(loss.item()) < 1e-12
    (gradient,) = torch.autograd.grad(loss, student)
    assert gradient.abs().max() < 1e-12


@pytest.mark.parametrize('tau', [1.0, 3.0])
def test_sigmoid_is_the_divergence_of_each_score(scores, tau: float) -> None:
    student, teacher = scores
    p, q = torch.sigmoid(teacher / tau), torch.sigmoid(student / tau)
    divergence = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
    loss = sigmoid_distillation_loss(student, teacher, tau)
    torch.testing.assert_close(loss, divergence.mean() * tau**2)
    (gradient,) = torch.autograd.grad(loss, student)
    torch.testing.assert_close(gradient, tau * (q - p) / 30)
    assert abs(sigmoid_distillation_loss(teacher, teacher, tau)) < 1e-12


@pytest.mark.parametrize('loss', [hard_distillation_loss, soft_distillation_loss])
def test_dense_scores(loss) -> None:
    """A pixel is as good as a picture: (N, K, H, W) is (N*H*W, K)."""
    student, teacher = torch.randn(2, 2, 3, 4, 5, dtype=torch.float64)
    as_rows = [x.movedim(1, -1).reshape(-1, 3) for x in (student, teacher)]
    torch.testing.assert_close(loss(student, teacher), loss(*as_rows))


@pytest.mark.parametrize('loss', [hard_distillation_loss, soft_distillation_loss])
def test_other_classes_are_refused(loss) -> None:
    with pytest.raises(ValueError, match=r'\(2, 5\).*\(2, 1000\).*num_classes'):
        loss(torch.zeros(2, 5), torch.zeros(2, 1000))

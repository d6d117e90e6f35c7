"""Focal losses, which mmcv has on a GPU only."""

from __future__ import annotations

import pytest
import torch
from mmcv.ops import sigmoid_focal_loss, softmax_focal_loss
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss
from torch.nn import functional as F


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
def test_sigmoid_focal_loss(dtype, gamma):
    x = (torch.randn(20, 4) * 3).to(dtype).requires_grad_()
    target = torch.randint(0, 5, (20,))  # 4 is the background
    loss = sigmoid_focal_loss(x, target, gamma, 0.25, None, 'none')
    expected = py_sigmoid_focal_loss(
        x, F.one_hot(target, 5)[:, :4].to(dtype), gamma=gamma, alpha=0.25, reduction='none'
    )
    torch.testing.assert_close(loss, expected)
    (grad,) = torch.autograd.grad(loss.sum(), x)
    torch.testing.assert_close(grad, torch.autograd.grad(expected.sum(), x)[0])
    far = torch.tensor([[300.0, -300.0]], dtype=dtype, requires_grad=True)
    sigmoid_focal_loss(far, torch.tensor([1]), gamma, 0.25, None, 'sum').backward()
    assert far.grad.isfinite().all() and far.grad.any()


def test_class_weights_of_the_focal_losses():
    x, target, weight = (
        torch.randn(6, 3),
        torch.tensor([0, 1, 2, 2, 1, 0]),
        torch.tensor([1.0, 2, 3]),
    )
    for loss in (sigmoid_focal_loss, softmax_focal_loss):
        plain = loss(x.clone(), target, 2.0, 0.25, None, 'none')
        heavy = loss(x.clone(), target, 2.0, 0.25, weight, 'none')
        factor = weight[target] if plain.dim() == 1 else weight[target][:, None]
        torch.testing.assert_close(heavy, plain * factor)
        with pytest.raises(ValueError, match='3 classes, got target 3'):
            loss(x.clone(), target + 1, 2.0, 0.25, weight, 'none')


def test_softmax_focal_loss():
    x = torch.randn(12, 3, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 3, (12,))
    loss = softmax_focal_loss(x.clone(), target, 2.0, 0.25, None, 'sum')
    log_p = x.log_softmax(1).gather(1, target[:, None])
    expected = (-0.25 * (1 - log_p.exp()) ** 2 * log_p).sum()
    torch.testing.assert_close(loss, expected)
    (grad,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(grad, torch.autograd.grad(expected, x)[0])


@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
def test_certain_and_ignored_rows_have_finite_gradients(gamma):
    x = torch.tensor([[300.0, 0, 0], [0, 1, 2], [-300, 0, 0]], requires_grad=True)
    softmax_focal_loss(x.clone(), torch.tensor([0, -1, 0]), gamma, 0.25, None, 'sum').backward()
    assert x.grad.isfinite().all() and not x.grad[1].any() and x.grad[2].any()

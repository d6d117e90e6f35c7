"""What binary weights are made of."""

from __future__ import annotations

import torch

from mmsfa.compression.quantization.functional import (
    power_of_two,
    sign,
    standardize,
)


def test_signs_are_two() -> None:
    x = torch.tensor([-1e-30, -0.0, 0.0, 3.0])
    assert sign(x).tolist() == [-1, 1, 1, 1]
    assert sign(x.double()).dtype == torch.float64


def test_powers_of_two() -> None:
    x = torch.tensor([0.0, 0.3, 1.4, 1.5, 1000.0])
    assert power_of_two(x).tolist() == [1, 0.25, 1, 2, 1024]


def test_the_gradient_of_standardisation_moves_neither_offset_nor_scale() -> None:
    rows = torch.randn(5, 20, dtype=torch.float64, requires_grad=True)
    h = standardize(rows)
    torch.testing.assert_close(h.mean(1), torch.zeros(5, dtype=torch.float64))
    torch.testing.assert_close(h.std(1), torch.ones(5, dtype=torch.float64))
    g = torch.randn_like(h)
    (grad,) = torch.autograd.grad((h * g).sum(), rows)
    h = h.detach()
    # the closed form of the Jacobian
    want = g - g.mean(1, keepdim=True) - h * (g * h).sum(1, keepdim=True) / 19
    torch.testing.assert_close(grad, want / rows.detach().std(1, keepdim=True))
    assert grad.sum(1).abs().max() < 1e-12 and (grad * h).sum(1).abs().max() < 1e-12


def test_a_row_of_equal_elements_has_no_gradient() -> None:
    rows = torch.full((2, 3), 0.1, requires_grad=True)
    h = standardize(rows)
    h.sum().backward()
    assert rows.grad is not None and not h.any() and not rows.grad.any()
    one = standardize(torch.ones(4, 1))  # a depthwise 1x1 kernel
    assert not one.any()

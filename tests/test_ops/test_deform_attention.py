"""Deformable attention, which mmcv's extension has on a GPU only."""

from __future__ import annotations

import torch
from mmcv.ops.multi_scale_deform_attn import (
    MultiScaleDeformableAttnFunction,
    multi_scale_deformable_attn_pytorch,
)


def test_deformable_attention_is_the_plain_form_of_mmcv():
    shapes = torch.tensor([[6, 4], [3, 2]])
    starts = torch.tensor([0, 24])
    value = torch.randn(2, 30, 2, 8, dtype=torch.float64, requires_grad=True)
    places = torch.rand(2, 5, 2, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(2, 5, 2, 2, 3, dtype=torch.float64, requires_grad=True)
    inputs = value, places, weights
    out = MultiScaleDeformableAttnFunction.apply(value, shapes, starts, places, weights, 64)
    expected = multi_scale_deformable_attn_pytorch(value, shapes, places, weights)
    torch.testing.assert_close(out, expected)
    grad = torch.randn_like(out)
    got = torch.autograd.grad(out, inputs, grad)
    for a, b in zip(got, torch.autograd.grad(expected, inputs, grad), strict=True):
        torch.testing.assert_close(a, b)

"""Deformable convolution: an ordinary one without offsets, equal to mmcv's with them."""

from __future__ import annotations

import pytest
import torch
from mmcv.ops import deform_conv2d, modulated_deform_conv2d
from torch.nn import functional as F

# stride, padding, dilation, groups, offset groups
GEOMETRIES = [(1, 1, 1, 1, 1), (2, 2, 2, 2, 2), (1, 2, 2, 1, 4), ((2, 1), (0, 2), 1, 4, 1)]


@pytest.fixture(params=GEOMETRIES, ids=str)
def case(request):
    """Input, weight, offset, mask, bias and the geometry."""
    stride, padding, dilation, groups, offset_groups = request.param
    x, weight = torch.randn(2, 8, 13, 11), torch.randn(8, 8 // groups, 3, 3)
    size = F.conv2d(x, weight, None, stride, padding, dilation, groups).shape[-2:]
    offset = torch.randn(2, offset_groups * 18, *size) * 2
    mask, bias = torch.rand(2, offset_groups * 9, *size), torch.randn(8)
    return (x, weight, offset, mask, bias), request.param


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def run(functions, tensors, geometry, grad):
    """Outputs and gradients of both versions, as mmcv's autograd functions ask for them."""
    x, weight, offset, mask, bias = tensors
    stride, padding, dilation = map(pair, geometry[:3])
    out, out2 = torch.zeros_like(grad), torch.zeros_like(grad)
    buffers = [x.new_empty(0), x.new_empty(0)]
    sizes = dict(
        zip(
            ('kH', 'kW', 'dH', 'dW', 'padH', 'padW', 'dilationH', 'dilationW'),
            (3, 3, *stride, *padding, *dilation),
            strict=True,
        )
    )
    sizes.update(group=geometry[3], deformable_group=geometry[4], im2col_step=2)
    functions['deform_conv_forward'](x, weight, offset, out, *buffers, **sizes)
    to_x, to_offset, to_weight = map(torch.zeros_like, (x, offset, weight))
    functions['deform_conv_backward_input'](
        x, offset, grad, to_x, to_offset, weight, buffers[0], **sizes
    )
    functions['deform_conv_backward_parameters'](
        x, offset, grad, to_weight, *buffers, scale=1, **sizes
    )
    names = [
        'kernel_h',
        'kernel_w',
        'stride_h',
        'stride_w',
        'pad_h',
        'pad_w',
        'dilation_h',
        'dilation_w',
    ]
    sizes = dict(zip(names, (3, 3, *stride, *padding, *dilation), strict=True))
    sizes.update(group=geometry[3], deformable_group=geometry[4], with_bias=True)
    buffers = [x.new_empty(0), x.new_empty(0)]
    functions['modulated_deform_conv_forward'](
        x, weight, bias, buffers[0], offset, mask, out2, buffers[1], **sizes
    )
    grads = [torch.zeros_like(tensor) for tensor in (x, weight, bias, offset, mask)]
    functions['modulated_deform_conv_backward'](
        x, weight, bias, buffers[0], offset, mask, buffers[1], *grads, grad, **sizes
    )
    return [out, to_x, to_offset, to_weight, out2, *grads]


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_equals_mmcv(oracle, ours, case, dtype):
    tensors, geometry = case
    tensors = [tensor.to(dtype) for tensor in tensors]
    grad = torch.randn(2, 8, *tensors[2].shape[-2:], dtype=dtype)
    theirs = run(vars(oracle), tensors, geometry, grad)
    mine = run(ours, tensors, geometry, grad)
    for i, (a, b) in enumerate(zip(theirs, mine, strict=True)):
        if dtype == torch.float32:
            torch.testing.assert_close(b, a, rtol=1e-4, atol=1e-4)
        elif i < 4:
            torch.testing.assert_close(b, a, rtol=1e-10, atol=1e-10)
        elif i != 8:  # mmcv finds the places of version 2 in float32, also for float64: a slope
            torch.testing.assert_close(b, a, rtol=1e-5, atol=1e-5)  # (i = 8) may lie across a pixel


def test_without_offsets_it_is_a_convolution(ours, case):
    (x, weight, offset, mask, bias), (stride, padding, dilation, groups, offset_groups) = case
    expected = F.conv2d(x, weight, None, stride, padding, dilation, groups)
    zero = torch.zeros_like(offset)
    out = deform_conv2d(x, zero, weight, stride, padding, dilation, groups, offset_groups)
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)
    ones = torch.ones_like(mask)
    out = modulated_deform_conv2d(
        x, zero, ones, weight, bias, stride, padding, dilation, groups, offset_groups
    )
    torch.testing.assert_close(out, expected + bias.view(-1, 1, 1), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_gradients_are_those_of_the_output(ours):
    torch.manual_seed(1)
    x, weight = torch.randn(1, 2, 5, 4), torch.randn(3, 2, 3, 3)
    offset, mask = torch.rand(1, 18, 5, 4) * 0.8 + 0.1, torch.rand(1, 9, 5, 4)
    inputs = [t.double().requires_grad_() for t in (x, offset, mask, weight, torch.randn(3))]
    assert torch.autograd.gradcheck(lambda *a: modulated_deform_conv2d(*a, 1, 1), inputs)
    assert torch.autograd.gradcheck(
        lambda x, offset, weight: deform_conv2d(x, offset, weight, 1, 1),
        [inputs[0], inputs[1], inputs[3]],
    )

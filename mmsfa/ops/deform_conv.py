"""Deformable convolution (versions 1 and 2) in the form of mmcv's extension."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .plain_gradient import gradients_of
from .torchvision_ops import torchvision_has

Pair = tuple[int, int]


class _Geometry(NamedTuple):
    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int
    offset_groups: int


def deform_conv2d(
    x: Tensor, weight: Tensor, offset: Tensor, mask: Tensor | None, geometry: _Geometry
) -> Tensor:
    """Convolve at places that are shifted by an offset each; without bias.

    Sources: Dai et al., https://arxiv.org/abs/1703.06211; with a mask Zhu et al.,
    https://arxiv.org/abs/1811.11168.

    Args:
        x: Input, (B, C_in, H, W).
        weight: Shape (C_out, C_in / groups, k_h, k_w).
        offset: Shifts along y and x, (B, offset_groups * k_h * k_w * 2, H', W').
        mask: Factors, (B, offset_groups * k_h * k_w, H', W'), or None.
        geometry: Stride, padding, dilation and groups.

    Returns:
        Shape (B, C_out, H', W').
    """
    if torchvision_has('deform_conv2d', x):
        use_mask = mask is not None
        mask = mask if use_mask else x.new_zeros(x.shape[0], 1)
        bias = x.new_zeros(weight.shape[0])
        return torch.ops.torchvision.deform_conv2d(
            x, weight, offset, mask, bias, *_flat(geometry), use_mask
        )
    return _plain(x, weight, offset, mask, geometry)


def _flat(geometry: _Geometry) -> tuple[int, ...]:
    return (*geometry.stride, *geometry.padding, *geometry.dilation, *geometry[3:])


def _plain(
    x: Tensor, weight: Tensor, offset: Tensor, mask: Tensor | None, geometry: _Geometry
) -> Tensor:
    """Sample the input for each place of the kernel, then multiply."""
    (B, C, H, W), (k_h, k_w) = x.shape, weight.shape[-2:]
    out_h, out_w = offset.shape[-2:]
    G, groups = geometry.offset_groups, geometry.groups
    # (B, G, k_h * k_w, 2, H', W')
    shifts = offset.view(B, G, k_h * k_w, 2, out_h, out_w)
    taps, places = [], []
    for axis, (kernel, size) in enumerate(((k_h, out_h), (k_w, out_w))):
        step, pad, gap = (values[axis] for values in geometry[:3])
        taps.append(torch.arange(kernel, device=x.device) * gap - pad)
        places.append(torch.arange(size, device=x.device) * step)
    tap_y, tap_x = (tap.flatten() for tap in torch.meshgrid(*taps, indexing='ij'))
    y = shifts[:, :, :, 0] + tap_y[:, None, None] + places[0][:, None]
    columns = shifts[:, :, :, 1] + tap_x[:, None, None] + places[1]
    # grid_sample counts from -1 to 1, from edge to edge
    grid = torch.stack([(2 * columns + 1) / W - 1, (2 * y + 1) / H - 1], -1)
    samples = F.grid_sample(
        x.reshape(B * G, C // G, H, W),
        grid.reshape(B * G, k_h * k_w * out_h, out_w, 2),
        padding_mode='zeros',
        align_corners=False,
    ).view(B, G, C // G, k_h * k_w, out_h, out_w)
    if mask is not None:
        samples = samples * mask.view(B, G, 1, k_h * k_w, out_h, out_w)
    # (B, groups, C_in / groups * k, H' * W')
    samples = samples.reshape(B, groups, -1, out_h * out_w)
    out = weight.view(groups, weight.shape[0] // groups, -1) @ samples
    return out.view(B, weight.shape[0], out_h, out_w)


def _gradients(
    x: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    geometry: _Geometry,
    grad_output: Tensor,
) -> tuple[Tensor, ...]:
    """Gradients of input, weight, offset and, if there is one, mask."""
    if torchvision_has('deform_conv2d', x):
        use_mask = mask is not None
        some_mask = mask if use_mask else x.new_zeros(x.shape[0], 1)
        bias = x.new_zeros(weight.shape[0])
        found = torch.ops.torchvision._deform_conv2d_backward(
            grad_output, x, weight, offset, some_mask, bias, *_flat(geometry), use_mask
        )
        return found[:4] if use_mask else found[:3]
    inputs = [x, weight, offset] if mask is None else [x, weight, offset, mask]
    return gradients_of(
        lambda x, weight, offset, mask=None: _plain(x, weight, offset, mask, geometry),
        inputs,
        grad_output,
    )


def _first_version(
    kW: int, kH: int, dW: int, dH: int, padW: int, padH: int, dilationW: int, dilationH: int,
    group: int, deformable_group: int, **_unused: int,
) -> _Geometry:  # fmt: skip
    return _Geometry((dH, dW), (padH, padW), (dilationH, dilationW), group, deformable_group)


def deform_conv_forward(
    input: Tensor, weight: Tensor, offset: Tensor, output: Tensor, *_buffers: Tensor, **sizes: int
) -> None:
    """Fill ``output`` with :func:`deform_conv2d` of version 1."""
    output.copy_(deform_conv2d(input, weight, offset, None, _first_version(**sizes)))


def deform_conv_backward_input(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_input: Tensor,
    grad_offset: Tensor,
    weight: Tensor,
    *_buffers: Tensor,
    **sizes: int,
) -> None:
    """Add the gradients of input and offset."""
    found = _gradients(input, weight, offset, None, _first_version(**sizes), grad_output)
    grad_input += found[0]
    grad_offset += found[2]


def deform_conv_backward_parameters(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_weight: Tensor,
    *_buffers: Tensor,
    scale: float = 1,
    **sizes: int,
) -> None:
    """Add the gradient of the weight, times ``scale``."""
    geometry = _first_version(**sizes)
    weight = torch.zeros_like(grad_weight)  # its own gradient does not depend on it
    grad_weight += _gradients(input, weight, offset, None, geometry, grad_output)[1] * scale


def _second_version(
    stride_h: int, stride_w: int, pad_h: int, pad_w: int, dilation_h: int, dilation_w: int,
    group: int, deformable_group: int, **_unused: int,
) -> _Geometry:  # fmt: skip
    stride, padding = (stride_h, stride_w), (pad_h, pad_w)
    return _Geometry(stride, padding, (dilation_h, dilation_w), group, deformable_group)


def modulated_deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    _ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    _columns: Tensor,
    with_bias: bool,
    **sizes: int,
) -> None:
    """Fill ``output`` with :func:`deform_conv2d` of version 2, and its bias."""
    out = deform_conv2d(input, weight, offset, mask, _second_version(**sizes))
    output.copy_(out + bias.view(-1, 1, 1) if with_bias else out)


def modulated_deform_conv_backward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    _ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    _columns: Tensor,
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    with_bias: bool,
    **sizes: int,
) -> None:
    """Add the gradients of input, weight, bias, offset and mask."""
    found = _gradients(input, weight, offset, mask, _second_version(**sizes), grad_output)
    for total, grad in zip((grad_input, grad_weight, grad_offset, grad_mask), found, strict=True):
        total += grad
    if with_bias:
        grad_bias += grad_output.sum((0, 2, 3))

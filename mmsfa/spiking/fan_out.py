"""How many multiply-accumulates a layer holds, and how many of them a spike sets off."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd


def macs(layer: nn.Module, x: Tensor, output: Tensor) -> int:
    """Multiply-accumulates of a dense convolution or linear layer, padding included.

    Args:
        layer: Convolution, transposed convolution or linear layer.
        x: Its input, batch included.
        output: Its output.
    """
    if isinstance(layer, _ConvTransposeNd):
        return x.numel() * (layer.out_channels // layer.groups) * prod(layer.kernel_size)
    if isinstance(layer, _ConvNd):
        return output.numel() * (layer.in_channels // layer.groups) * prod(layer.kernel_size)
    return output.numel() * layer.in_features


def additions(layer: nn.Module, plane: Tensor, output: Tensor) -> Tensor:
    """Additions (synaptic operations, SOPs) that the spikes of a map set off in a layer.

    A spike reaches each output whose window it lies in; at the border of a map these are fewer.
    What falls into the padding is no addition. This is what executing every binary step counts.

    Args:
        layer: Convolution, transposed convolution or linear layer with zero padding.
        plane: Spikes at each place, summed over batch and channels, shape (*space) or ().
        output: The output of the layer, for its size.

    Returns:
        A float64 scalar.
    """
    if not isinstance(layer, _ConvNd):
        return plane.sum() * layer.out_features
    reached = plane
    for axis, size in enumerate(plane.shape):
        windows = _windows(layer, axis, size, output.shape[axis + 2]).to(plane.device)
        shape = [-1 if axis == other else 1 for other in range(plane.dim())]
        reached = reached * windows.reshape(shape)
    return reached.sum() * (layer.out_channels // layer.groups)


def _windows(layer: _ConvNd, axis: int, size: int, out_size: int) -> Tensor:
    """How many outputs each place along one axis reaches, shape (size,)."""
    kernel, stride = layer.kernel_size[axis], layer.stride[axis]
    dilation = layer.dilation[axis]
    padding = layer.padding if isinstance(layer.padding, str) else layer.padding[axis]
    if isinstance(padding, str):  # torch pads the end by the odd one
        padding = 0 if padding == 'valid' else dilation * (kernel - 1) // 2
    taps = torch.arange(kernel) * dilation - padding
    if isinstance(layer, _ConvTransposeNd):  # the input walks over the output
        places = torch.arange(size)[:, None] * stride + taps
        return ((places >= 0) & (places < out_size)).sum(1).double()
    places = (torch.arange(out_size)[:, None] * stride + taps).flatten()
    inside = places[(places >= 0) & (places < size)]
    return torch.bincount(inside, minlength=size).double()


def attention_macs(q: Tensor, v: Tensor) -> int:
    """Multiply-accumulates of q (k^T v): 2 N d e for each head and sample.

    Args:
        q: Queries, shape (B, heads, d, N).
        v: Values, shape (B, heads, e, N).
    """
    return 2 * q.numel() * v.shape[-2]


def attention_additions(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Additions of q (k^T v) on spike counts.

    k^T v adds one for each pair of a spike of k and a spike of v at the same token; each spike of q
    then adds one row of e numbers.

    Args:
        q: Spike counts of the queries, shape (B, heads, d, N).
        k: Spike counts of the keys, shape (B, heads, d, N).
        v: Spike counts of the values, shape (B, heads, e, N).

    Returns:
        A float64 scalar.
    """
    pairs = k.sum(-2, dtype=torch.float64) * v.sum(-2, dtype=torch.float64)
    return pairs.sum() + q.sum(dtype=torch.float64) * v.shape[-2]

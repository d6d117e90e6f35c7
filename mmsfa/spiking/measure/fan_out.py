"""How many multiply-accumulates a layer holds, and how many of them a spike sets off."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from .emission import Emission
from .observer import Synapse


def macs(layer: Synapse, x: Tensor, output: Tensor) -> int:
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


def additions(layer: Synapse, emission: Emission, x: Tensor, output: Tensor) -> Tensor:
    """Additions (synaptic operations, SOPs) that the spikes of a map set off in a layer.

    A spike reaches each output whose window it lies in; at the border of a map these are fewer.
    What falls into zero padding is no addition. This is what executing every binary step counts.

    Args:
        layer: Convolution, transposed convolution or linear layer.
        emission: The mark of its input.
        x: Its input.
        output: Its output, for the size.

    Returns:
        A float64 scalar.
    """
    if not isinstance(layer, _ConvNd):
        return emission.total(x) * layer.out_features
    space = len(layer.kernel_size)
    plane = emission.plane(x, space)
    transposed = isinstance(layer, _ConvTransposeNd)
    padding = layer.padding
    if layer.padding_mode != 'zeros':  # the spikes at the border count as often as they are read
        pads = layer._reversed_padding_repeated_twice
        plane = F.pad(plane[None, None], pads, mode=layer.padding_mode)[0, 0]
        padding = (0,) * space
    elif isinstance(padding, str):  # torch pads the end by the odd one
        kernels = zip(layer.kernel_size, layer.dilation, strict=True)
        padding = tuple(0 if padding == 'valid' else d * (k - 1) // 2 for k, d in kernels)
    axes = zip(
        plane.shape,
        output.shape[-space:],
        layer.kernel_size,
        layer.stride,
        layer.dilation,
        padding,
        strict=True,
    )
    reached = plane
    for axis in axes:  # (H, W) -> (W) -> ()
        windows = _windows_on(plane.device, transposed, *axis)
        reached = torch.tensordot(windows, reached, dims=1)
    return reached * (layer.out_channels // layer.groups)


# Short vectors, one for each geometry and length: a data set asks again for every picture.
@lru_cache(maxsize=4096)
def _windows_on(device: torch.device, transposed: bool, *axis: int) -> Tensor:
    return _windows(*axis, transposed=transposed).to(device)


def _windows(
    size: int,
    out_size: int,
    kernel: int,
    stride: int,
    dilation: int,
    padding: int,
    *,
    transposed: bool,
) -> Tensor:
    """How many outputs each place along one axis reaches, shape (size,)."""
    taps = torch.arange(kernel) * dilation - padding
    if transposed:  # the input walks over the output
        places = torch.arange(size)[:, None] * stride + taps
        return ((places >= 0) & (places < out_size)).sum(1).double()
    places = (torch.arange(out_size)[:, None] * stride + taps).flatten()
    inside = places[(places >= 0) & (places < size)]
    return torch.bincount(inside, minlength=size).double()

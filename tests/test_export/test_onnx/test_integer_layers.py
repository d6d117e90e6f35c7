"""Convolutions on bytes, each alone in a graph: what torch computes with the same weights."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mmsfa.export.onnx.byte_weights import IntegerWeight
from mmsfa.export.onnx.graph import Firing
from mmsfa.export.onnx.integer_layers import (
    clamp,
    convolve_to_counts,
    convolve_to_potential,
    fire,
)
from mmsfa.export.onnx.runtime import Session
from mmsfa.neurons.functional import integer_fire
from tests.helpers.onnx_graphs import written

GEOMETRIES = {
    '3x3': ((3, 3), (0, 0), 1, (1, 1)),
    '3x3, padding, stride': ((3, 3), (1, 1), 1, (2, 2)),
    'uneven': ((3, 1), (2, 0), 1, (1, 3)),
    'dilation': ((2, 3), (1, 2), 2, (3, 1)),
}


def counts(D: int = 4) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, D + 1, (2, 3, 9, 8), generator=draw).float()


def layer(kernel: tuple[int, int]) -> IntegerWeight:
    draw = np.random.default_rng(0)
    weight = draw.standard_normal((5, 3, *kernel)).astype(np.float32)
    return IntegerWeight.of(weight, draw.standard_normal(5).astype(np.float32), divisor=4)


def in_torch(x: Tensor, weight: IntegerWeight, geometry: tuple) -> Tensor:
    _, padding, dilation, stride = geometry
    kernel = torch.from_numpy(weight.values.astype(np.float64))
    out = F.conv2d(x.double(), kernel, None, stride, padding, dilation)
    scale, bias = (torch.from_numpy(v).double()[:, None, None] for v in (weight.scale, weight.bias))
    return out * scale / 4 + bias


def attributes(geometry: tuple) -> dict:
    _, (down, along), dilation, stride = geometry
    return dict(pads=[down, along, down, along], dilations=[dilation] * 2, strides=list(stride))


def bytes_of(write, image: ir.Value, D: int = 255) -> ir.Value:
    return fire(write, Firing(image, image, D, 1.0, half_up=False))


@pytest.mark.parametrize('D', [1, 4, 255])
@pytest.mark.parametrize('rounding', ['half_even', 'half_up'])
def test_a_neuron_fires_its_counts_as_bytes(D: int, rounding: str) -> None:
    def make(write, image):
        return [fire(write, Firing(image, image, D, 1.0, half_up=rounding == 'half_up'))]

    x = torch.arange(-3, 261, 0.25).view(1, 1, 33, 32)
    (out,) = Session(written(make, ir.DataType.UINT8))(x)
    assert out.dtype == torch.uint8
    assert torch.equal(out.float(), integer_fire(x, D, 1, rounding))


def test_bytes_are_clamped_where_they_hold_more() -> None:
    def make(write, image):
        return [clamp(write, bytes_of(write, image), D) for D in (3, 255)]

    few, many = Session(written(make, ir.DataType.UINT8))(torch.tensor([[[[2.0, 3, 4, 255]]]]))
    assert few.flatten().tolist() == [2, 3, 3, 3] and many.flatten().tolist() == [2, 3, 4, 255]


@pytest.mark.parametrize('name', GEOMETRIES)
def test_a_convolution_to_potentials(name: str) -> None:
    geometry = GEOMETRIES[name]
    weight = layer(geometry[0])

    def make(write, image):
        bytes_in = bytes_of(write, image)
        return [convolve_to_potential(write, bytes_in, weight, 4, attributes(geometry))]

    (out,) = Session(written(make))(counts())
    torch.testing.assert_close(
        out.double(), in_torch(counts(), weight, geometry), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize('name', GEOMETRIES)
def test_a_convolution_to_counts(name: str) -> None:
    geometry = GEOMETRIES[name]
    weight = layer(geometry[0])

    def make(write, image):
        bytes_in = bytes_of(write, image)
        return [convolve_to_counts(write, bytes_in, weight, 4, attributes(geometry))]

    (out,) = Session(written(make, ir.DataType.UINT8))(counts())
    potential = in_torch(counts(), weight, geometry)
    rounded = weight.scale.max() / 4 / 2 + 1e-5  # the bias is a multiple of scale / divisor
    clear = (potential - potential.floor() - 0.5).abs() > rounded
    assert clear.float().mean() > 0.9
    assert torch.equal(out[clear].double(), potential.round().clamp(0, 255)[clear])
    assert out.unique().numel() > 2

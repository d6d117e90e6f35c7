"""Integer graphs: bit for bit where a byte holds the weights, within its rounding elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest
import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmsfa.compression.quantization import (
    BinaryQuantizer,
    QuantConv2d,
    ReScaWQuantizer,
    UniformQuantizer,
    WeightQuantizer,
)
from mmsfa.errors import OptionError
from mmsfa.export.onnx.byte_weights import IntegerWeight
from mmsfa.export.onnx.export import export_module
from mmsfa.export.onnx.integer import to_integer
from mmsfa.export.onnx.runtime import Session
from mmsfa.export.onnx.tensor_part import TensorPart
from mmsfa.layers.fold import fold
from mmsfa.neurons import SFA

NEURON = dict(type='mmpretrain.SFA')


def operators(graph: ir.Model) -> Counter:
    return Counter(node.op_type for node in graph.graph)


@pytest.mark.parametrize(
    'kind', ['detector', 'detector with an RPN on potentials', 'classifier', 'strict classifier']
)
@pytest.mark.parametrize('size', [(1, 3, 64, 128), (2, 3, 128, 64)])
@torch.no_grad()
def test_whole_models_bit_for_bit(exported: Callable, kind: str, size: tuple[int, ...]) -> None:
    _, model, graph = exported(kind)
    image = torch.randint(-16, 17, size) / 8
    for ours, theirs in zip(
        Session(to_integer(graph))(image), TensorPart(model)(image), strict=True
    ):
        assert theirs.unique().numel() > 3
        if kind == 'classifier':  # mean potentials have too many bits for exact sums
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
        else:
            assert torch.equal(ours, theirs)


# on potentials rpn_cls and rpn_reg are convolved with floats, on each of four levels
@pytest.mark.parametrize(
    ('kind', 'floats'), [('detector', 1), ('detector with an RPN on potentials', 1 + 2 * 4)]
)
def test_only_image_and_potentials_are_convolved_with_floats(
    exported: Callable, kind: str, floats: int
) -> None:
    graph = exported(kind).graph
    before = operators(graph)
    after = operators(to_integer(graph))
    assert after['Conv'] == floats and after['QLinearConv'] > 10
    assert operators(graph) == before, 'the float graph stays'
    assert 'Round' not in after, 'all neurons fire bytes'


def test_segmentor(exported: Callable) -> None:
    _, model, graph = exported('segmentor')
    image = torch.randint(-16, 17, (1, 3, 96, 64)) / 8
    (ours,) = Session(to_integer(graph))(image)
    with torch.no_grad():
        (theirs,) = TensorPart(model)(image)
    assert torch.isclose(ours, theirs, atol=1e-4).float().mean() > 0.9


def brick(
    channels: int = 8, kernel: int = 3, neuron: dict = NEURON, **kwargs: object
) -> ConvModule:
    settings = dict(act_cfg=neuron, order=('act', 'conv', 'norm')) | kwargs
    return ConvModule(channels, channels, kernel, **settings)


CASES = {
    '3x3': (brick(), 1),
    '3x3, padding, stride': (brick(padding=1, stride=2), 1),
    'uneven': (brick(kernel=(3, 1), padding=(2, 1), stride=(1, 3)), 1),
    '1x1, stride': (brick(kernel=1, stride=2), 1),
    'dilation': (brick(padding=2, dilation=2), 1),
    'no bias': (brick(bias=False), 1),
    'grouped, read by no neuron': (brick(groups=8), 0),
    'chain': (nn.Sequential(brick(), brick(kernel=1)), 2),
    'depthwise chain': (nn.Sequential(brick(kernel=7, padding=3, groups=8), brick()), 2),
    'dilated chain': (nn.Sequential(brick(padding=3, dilation=3, stride=2), brick()), 2),
    'half up': (nn.Sequential(*(brick(neuron=dict(NEURON, rounding='half_up')) for _ in 'ab')), 2),
    'mixed': (nn.Sequential(brick(), brick(neuron=dict(NEURON, D=8, norm=2))), 2),
    'D=1': (nn.Sequential(*(brick(neuron=dict(NEURON, D=1)) for _ in 'ab')), 2),
    'D=255': (nn.Sequential(*(brick(neuron=dict(NEURON, D=255, norm=4)) for _ in 'ab')), 2),
    'D=256 is no byte': (nn.Sequential(brick(neuron=dict(NEURON, D=256)), brick()), 1),
    'two real time steps': (nn.Sequential(brick(neuron=dict(NEURON, T=2)), brick()), 1),
    'neuron last': (nn.Sequential(brick(), SFA(norm=1)), 1),
    'real values in front': (nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU(), brick()), 1),
}


@pytest.mark.slow
@pytest.mark.parametrize('name', CASES)
@torch.no_grad()
def test_layers_bit_for_bit(bytes_exact: Callable, name: str) -> None:
    module, converted = CASES[name]
    module = bytes_exact(module).eval()
    example = torch.randint(-60, 61, (2, 8, 19, 24)) / 16  # halves among them
    graph = export_module(module, tuple(example.shape))
    if not converted:
        with pytest.raises(OptionError, match='must arrive at some layer'):
            to_integer(graph)
        return
    integer = to_integer(graph)
    assert operators(integer)['Conv'] == operators(graph)['Conv'] - converted
    (ours,) = Session(integer)(example)
    theirs = module(example)
    assert theirs.unique().numel() > (2 if name == 'neuron last' else 20)
    assert torch.equal(ours, theirs)


class Shortcut(nn.Module):
    """A map that a neuron and a sum read, and spikes that a product reads too."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = brick(padding=1), brick(padding=1), brick(padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x + self.first(x)
        hidden = self.second(x)
        return x + self.third(hidden), self.third.activate(hidden) * 3


@pytest.mark.slow
@torch.no_grad()
def test_shortcuts_and_spikes_as_outputs(bytes_exact: Callable) -> None:
    module = bytes_exact(Shortcut()).eval()
    image = torch.randint(-60, 61, (1, 8, 12, 20)) / 16
    integer = to_integer(export_module(module, tuple(image.shape)))
    assert operators(integer)['QLinearConv'] == 1 and operators(integer)['Conv'] == 0
    for ours, theirs in zip(Session(integer)(image), module(image), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize(
    'quantizer',
    [
        BinaryQuantizer(),
        *(UniformQuantizer(bits, 'max') for bits in (2, 4, 6, 8)),
        *(ReScaWQuantizer(bits) for bits in (1, 3, 5)),
    ],
    ids=str,
)
@pytest.mark.parametrize('read_by', ['a sum', 'a neuron'])
@torch.no_grad()
def test_quantised_weights_stay_as_they_are(
    lively_weights: Callable, quantizer: WeightQuantizer, read_by: str
) -> None:
    """Behind a BN, which scales the steps of each channel."""
    layer = lively_weights(brick(channels=16, norm_cfg=dict(type='BN')))
    layer.conv = QuantConv2d(16, 16, 3, bias=False, quantizer=quantizer)
    after = nn.Sequential(layer, brick(16)) if read_by == 'a neuron' else layer
    merged = fold(after.eval())
    conv = merged[0].conv if read_by == 'a neuron' else merged.conv
    assert type(conv) is nn.Conv2d
    weight = IntegerWeight.of(conv.weight.numpy(), conv.bias.numpy(), 4)
    assert np.allclose(weight.values * weight.scale.reshape(-1, 1, 1, 1), conv.weight, rtol=1e-6)
    image = 3 * torch.randn(2, 16, 12, 14)
    integer = to_integer(export_module(after, tuple(image.shape)))
    if read_by == 'a sum':
        (ours,) = Session(integer)(image)
        assert torch.allclose(ours, after(image), atol=1e-5)
    else:
        assert operators(integer)['QLinearConv'] == 1


@pytest.mark.slow
@torch.no_grad()
def test_the_error_is_that_of_rounded_weights(lively_weights: Callable) -> None:
    layer = lively_weights(brick(channels=16)).eval()
    layer.conv.weight[3] = 0  # a dead channel
    image = 3 * torch.randn(2, 16, 12, 14)
    (ours,) = Session(to_integer(export_module(layer, tuple(image.shape))))(image)
    spikes = layer.activate(image)
    step = layer.conv.weight.abs().amax((1, 2, 3), keepdim=True) / 127
    bound = torch.conv2d(spikes, (step / 2).expand_as(layer.conv.weight))
    gap = (ours - layer(image)).abs()
    assert (gap <= bound + 1e-4).all()
    assert gap.max() > 1e-3, 'random weights do not fit into bytes'

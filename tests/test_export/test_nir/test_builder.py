"""Nodes and edges of single layers: run, they give what the layers give."""

from __future__ import annotations

import nir
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmsfa.export.nir.builder import NirBuilder
from mmsfa.export.nir.network import NirNetwork
from mmsfa.export.nir.primitives import NirError
from mmsfa.layers import SpikeConv, SpikeConvBlock, SpikeSepConv
from mmsfa.layers.fold import fold

SHAPE = (4, 6, 7)
CFG = dict(neuron_cfg=dict(type='mmpretrain.SFA', D=3), norm_cfg=dict(type='BN'))


def run(builder: NirBuilder, potential: list[str], x: Tensor) -> Tensor:
    """The graph of what was built, on a map."""
    out, _ = NirNetwork(builder.graph(potential, stages=1))(x)
    return out


@pytest.fixture
def x() -> Tensor:
    return 3 * torch.randn(2, *SHAPE, dtype=torch.float64)


@pytest.mark.parametrize('keep_groups', [False, True])
@pytest.mark.parametrize(
    'make',
    [
        lambda: SpikeConv(4, 6, 3, stride=2, bias=True, **CFG),
        lambda: SpikeConv(4, 4, 3, groups=4, **CFG),
        lambda: SpikeConv(4, 6, 3, neuron_cfg=None, norm_cfg=None),
    ],
    ids=['strided', 'depthwise', 'no neuron'],
)
def test_a_brick_computes_the_same(lively_weights, make, x: Tensor, keep_groups: bool) -> None:
    layer = lively_weights(make()).double().eval()
    builder = NirBuilder(torch.float64, keep_groups)
    potential = builder.brick('layer', fold(layer), builder.input(SHAPE))
    out = run(builder, potential, x)
    with torch.no_grad():
        torch.testing.assert_close(out, layer(x), rtol=0, atol=1e-11)


def test_shortcuts_are_edges(lively_weights, x: Tensor) -> None:
    block = lively_weights(SpikeConvBlock(4, conv_cfg=None, **CFG)).double().eval()
    builder = NirBuilder(torch.float64, keep_groups=False)
    potential = builder.block('block', fold(block), builder.input(SHAPE))
    assert len(potential) == 3 and potential[0] == 'input', 'the input and two branches'
    with torch.no_grad():
        torch.testing.assert_close(run(builder, potential, x), block(x), rtol=0, atol=1e-11)
    edges = [source for source, target in builder.edges if target == 'stages.0.sum']
    assert edges == potential


def test_a_separable_convolution_is_a_chain(lively_weights, x: Tensor) -> None:
    module = lively_weights(SpikeSepConv(4, 3, conv_cfg=None, **CFG)).double().eval()
    builder = NirBuilder(torch.float64, keep_groups=False)
    potential = builder.separable('sep', fold(module), builder.input(SHAPE))
    with torch.no_grad():
        torch.testing.assert_close(run(builder, potential, x), module(x), rtol=0, atol=1e-11)
    assert sum(isinstance(node, nir.IF) for node in builder.nodes.values()) == 3


def test_the_precision_is_that_of_the_weights() -> None:
    layer = fold(SpikeConv(4, 6, 3, **CFG).eval())
    builder = NirBuilder(torch.float32, keep_groups=False)
    graph = builder.graph(builder.brick('layer', layer, builder.input(SHAPE)), stages=2)
    for node in graph.nodes.values():
        for part in ('weight', 'bias', 'v_threshold'):
            assert getattr(node, part, np.zeros(1, np.float32)).dtype == np.float32
    assert graph.metadata['stages'] == 2 and graph.metadata['producer'].startswith('mmsfa ')
    with pytest.raises(NirError, match=r'float32 or float64, got torch\.bfloat16'):
        NirBuilder(torch.bfloat16, keep_groups=False)


def test_layers_of_another_make_are_refused_by_name() -> None:
    builder = NirBuilder(torch.float32, keep_groups=False)
    x = builder.input(SHAPE)
    behind = SpikeConv(4, 4, 3, order=('conv', 'norm', 'act'), **CFG).eval()
    with pytest.raises(NirError, match='layer is no SpikeConv in the order neuron'):
        builder.brick('layer', behind, x)
    with pytest.raises(NirError, match='layer is no SpikeConv'):
        builder.brick('layer', nn.Conv2d(4, 4, 3), x)
    with pytest.raises(NirError, match='sep is a Identity: expected SpikeSepConv'):
        builder.separable('sep', nn.Identity(), x)
    with pytest.raises(NirError, match='block is a Identity: NIR has no node that multiplies'):
        builder.block('block', nn.Identity(), x)

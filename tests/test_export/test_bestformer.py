"""BESTformer leaves as ONNX; what NIR and the integer graph have no form for is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from mmsfa.backbones import BESTformer, ESpikeFormer
from mmsfa.errors import OptionError
from mmsfa.export.onnx.export import export_module
from mmsfa.export.onnx.integer import float_layers, to_integer
from mmsfa.export.onnx.runtime import Session
from mmsfa.layers.attention import BinaryMapAttention

nir_export = pytest.importorskip('mmsfa.export.nir.export', reason='needs nir')
Fill = Callable[[nn.Module], nn.Module]


@pytest.mark.slow
@torch.no_grad()
def test_attention_of_time_steps_in_a_float_graph(lively_weights: Fill) -> None:
    neuron_cfg = dict(type='mmpretrain.LIF', T=2, v_threshold=0.5)
    cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=neuron_cfg)
    module = lively_weights(BinaryMapAttention(8, 2, **cfg)).eval()
    module.product.lambda_attn.uniform_(0.5, 2)
    graph = export_module(module, (4, 8, 3, 5))
    x = 2 * torch.randn(6, 8, 4, 3)
    (ours,), theirs = Session(graph)(x), module(x)
    # a sum that is rounded otherwise may flip a spike
    assert torch.isclose(ours, theirs, atol=1e-4).float().mean() > 0.95 and theirs.std() > 0.1
    with pytest.raises(OptionError, match='Spikes of at most 255 levels must arrive'):
        to_integer(graph)


@pytest.mark.slow
@torch.no_grad()
def test_the_backbone_with_sfa_neurons_as_bytes(lively_weights: Fill) -> None:
    small = dict(channels=8, depth=1, num_heads=1, map='kv', T=1, out_indices=(2,))
    neuron_cfg = dict(type='mmpretrain.SFA', D=4)
    backbone = lively_weights(BESTformer(**small, neuron_cfg=neuron_cfg)).eval()
    graph = export_module(backbone, (2, 3, 64, 96))
    image = torch.randint(-16, 17, (1, 3, 96, 64)) / 8
    (theirs,) = backbone(image)
    for one in (graph, to_integer(graph)):
        (ours,) = Session(one)(image)
        assert torch.isclose(ours, theirs, atol=1e-3).float().mean() > 0.9
    # the picture, and behind each pooling
    pooled = [f'downsample_layers.{i}.conv.conv' for i in ('0.1', '0.2', '1.0', '2.0')]
    assert float_layers(to_integer(graph)) == ['downsample_layers.0.0.conv', *pooled]


def test_nir_names_what_it_has_no_node_for(lively_weights: Fill) -> None:
    backbone = BESTformer(channels=8, depth=1, num_heads=1).eval()
    with pytest.raises(nir_export.NirError, match='ESpikeFormer can be.*got BESTformer'):
        nir_export.export_nir(backbone, (3, 64, 64))
    attn_cfg = dict(type='mmpretrain.BinaryMapAttention', num_heads=2)
    arch = dict(channels=(8, 8, 8, 8), depths=(1, 1, 1, 1, 0))
    backbone = lively_weights(ESpikeFormer(arch, out_indices=(3,), attn_cfg=attn_cfg)).eval()
    assert nir_export.export_nir(backbone, (3, 32, 32)).nodes  # the stages before it
    with pytest.raises(nir_export.NirError, match='BinaryMapAttention in stages.3.0.attn: NIR has'):
        nir_export.export_nir(backbone, (3, 32, 32), stages=4)

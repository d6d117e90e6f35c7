"""SNN-ViT leaves as ONNX; what NIR and the integer graph have no form for is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from mmsfa.backbones import ESpikeFormer, SNNViT
from mmsfa.errors import OptionError
from mmsfa.export.onnx.export import export_module
from mmsfa.export.onnx.integer import float_layers, to_integer
from mmsfa.export.onnx.runtime import Session
from mmsfa.layers.attention import SaccadicAttention
from tests.helpers.saccades import open_half_of_the_gates

nir_export = pytest.importorskip('mmsfa.export.nir.export', reason='needs nir')
Fill = Callable[[nn.Module], nn.Module]


@pytest.mark.slow
@pytest.mark.parametrize('settings', [dict(version=1), dict(version=2, temporal='decoupled')])
@torch.no_grad()
def test_attention_of_time_steps_in_a_float_graph(lively_weights: Fill, settings: dict) -> None:
    neuron_cfg = dict(type='mmpretrain.LIF', T=2, v_threshold=0.5)
    cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=neuron_cfg)
    module = lively_weights(SaccadicAttention(8, **settings, **cfg)).eval()
    x = 2 * torch.randn(6, 8, 4, 3)
    open_half_of_the_gates(module, x)
    graph = export_module(module, (4, 8, 3, 5))
    (ours,), theirs = Session(graph)(x), module(x)
    # a sum that is rounded otherwise may flip a spike
    assert torch.isclose(ours, theirs, atol=1e-4).float().mean() > 0.9 and theirs.std() > 0.1
    with pytest.raises(OptionError, match='Spikes of at most 255 levels must arrive'):
        to_integer(graph)


@pytest.mark.slow
@torch.no_grad()
def test_the_backbone_with_sfa_neurons(lively_weights: Fill) -> None:
    neuron_cfg = dict(type='mmpretrain.SFA', D=4)
    backbone = SNNViT(16, 1, T=1, out_indices=(2,), neuron_cfg=neuron_cfg)
    image = torch.randint(-16, 17, (1, 3, 96, 64)) / 8
    open_half_of_the_gates(lively_weights(backbone).eval(), image)
    graph = export_module(backbone, (2, 3, 64, 96))
    (theirs,) = backbone(image)
    (ours,) = Session(graph)(image)
    assert torch.isclose(ours, theirs, atol=1e-3).float().mean() > 0.9
    integer = to_integer(graph)  # its weights have eight bits
    (ours,) = Session(integer)(image)
    assert (ours - theirs).abs().mean() < 0.3 * theirs.std()
    # the picture, behind each pooling, behind the gate
    stem = [f'downsample_layers.{at}' for at in ('0.0', '0.1', '1.0', '2.0')]
    stem = [f'{at}.{name}_conv.conv' for at in stem for name in ('local', 'global')]
    assert float_layers(integer) == [*stem, 'stages.2.0.attn.proj.conv']


def test_nir_names_what_it_has_no_node_for(lively_weights: Fill) -> None:
    with pytest.raises(nir_export.NirError, match='ESpikeFormer can be.*got SNNViT'):
        nir_export.export_nir(SNNViT(8, 1).eval(), (3, 64, 64))
    arch = dict(channels=(8, 8, 8, 8), depths=(1, 1, 1, 1, 0))
    attn_cfg = dict(type='mmpretrain.SaccadicAttention')
    backbone = lively_weights(ESpikeFormer(arch, out_indices=(3,), attn_cfg=attn_cfg)).eval()
    assert nir_export.export_nir(backbone, (3, 32, 32)).nodes  # the stages before it
    with pytest.raises(nir_export.NirError, match='SaccadicAttention in stages.3.0.attn: NIR has'):
        nir_export.export_nir(backbone, (3, 32, 32), stages=4)

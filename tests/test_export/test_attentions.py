"""Every attention that works step by step, or looks nearby, leaves as a float and integer graph."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from mmsfa.backbones import ESpikeFormer
from mmsfa.export.onnx.export import export_module
from mmsfa.export.onnx.integer import to_integer
from mmsfa.export.onnx.runtime import Session

ATTENTIONS = [
    dict(type='mmpretrain.StepAlignedAttention', num_heads=2, token_norm=16),
    dict(type='mmpretrain.HammingAttention', num_heads=2, token_norm=16, constant=True),
    dict(num_heads=2, local=dict(dilations=(1, 2))),
]


@pytest.mark.slow
@pytest.mark.parametrize('attn_cfg', ATTENTIONS, ids=['aligned', 'Hamming', 'local'])
@torch.no_grad()
def test_graphs_fire_as_the_backbone(
    attn_cfg: dict, make_exact: Callable[[nn.Module], nn.Module]
) -> None:
    arch = dict(channels=(8, 8, 8, 8), depths=(1, 0, 0, 1, 0))
    backbone = make_exact(ESpikeFormer(arch, out_indices=(3,), attn_cfg=attn_cfg)).eval()
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):  # a spike that flips is not to flip many more
            nn.init.ones_(module.weight)
    graph = export_module(backbone, (2, 3, 64, 96))
    image = torch.randint(-16, 17, (3, 3, 96, 64)) / 8  # another batch and another size
    (theirs,) = backbone(image)
    for one in (graph, to_integer(graph)):
        (ours,) = Session(one)(image)
        # a spike that flips moves all tokens, by little
        assert (ours - theirs).abs().mean() < 0.05 * theirs.std()

"""The feature pyramid of segmentors."""

from __future__ import annotations

import torch
from mmseg.registry import MODELS
from torch import nn

import mmsfa.seg  # noqa: F401
from mmsfa.neurons.functional import integer_fire

SETTINGS = dict(in_channels=[4, 8], out_channels=6, num_outs=2)


def test_it_is_the_pyramid_of_mmseg_with_counts_in_front_of_each_convolution() -> None:
    """The same as firing by hand in front of the ordinary one, which has the same names."""
    neuron = dict(type='mmpretrain.SFA', D=2, norm=1)
    neck = MODELS.build(dict(type='SpikeFPN', neuron_cfg=neuron, **SETTINGS))
    ordinary = MODELS.build(dict(type='FPN', **SETTINGS))
    ordinary.load_state_dict(neck.state_dict(), strict=True)
    convs = [module for module in ordinary.modules() if isinstance(module, nn.Conv2d)]
    for conv in convs:
        conv.register_forward_pre_hook(lambda _, inputs: integer_fire(inputs[0], 2, 1))
    maps = [torch.randn(1, 4, 8, 8) * 2, torch.randn(1, 8, 4, 4) * 2]
    plain = MODELS.build(dict(type='FPN', **SETTINGS))
    plain.load_state_dict(neck.state_dict())
    for out, expected, without in zip(neck(maps), ordinary(maps), plain(maps), strict=True):
        assert torch.equal(out, expected) and not torch.equal(out, without)
    assert len(convs) == 4

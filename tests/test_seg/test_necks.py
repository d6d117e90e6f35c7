"""The feature pyramid of segmentors."""

from __future__ import annotations

import pytest
import torch
from mmseg.models.necks import Feature2Pyramid, MLANeck, MultiLevelNeck
from mmseg.registry import MODELS
from torch import nn

import mmsfa.seg  # noqa: F401
from mmsfa.layers import SpikeDriven
from mmsfa.neurons import SpikingNeuron
from mmsfa.neurons.functional import integer_fire

BN = dict(norm_cfg=dict(type='BN'))  # a ReLU would be taken out in front of a sum
CONVS = (nn.Conv2d, nn.ConvTranspose2d)
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


@pytest.mark.parametrize(
    ('kind', 'settings', 'sizes', 'neurons'),
    [
        (MLANeck, dict(in_channels=[4] * 4, out_channels=6, **BN), [(4, 4)] * 4, 8),
        (
            MultiLevelNeck,
            dict(in_channels=[4, 6], out_channels=6, scales=[1, 2], **BN),
            [(4, 8), (6, 4)],
            4,
        ),
        (Feature2Pyramid, dict(embed_dim=4, **BN), [(4, 8)] * 4, 3),
    ],
)
def test_plain_modules_of_mmseg_become_spike_driven(
    kind: type[nn.Module], settings: dict, sizes: list[tuple[int, int]], neurons: int
) -> None:
    """They are no ``BaseModule``: no argument of the mixin may reach them."""
    neck = type(f'Spike{kind.__name__}', (SpikeDriven, kind), {})(
        neuron_cfg=dict(type='mmpretrain.SFA', norm=1), **settings
    )
    ordinary = kind(**settings)
    ordinary.load_state_dict(neck.state_dict())
    convs = [module for module in ordinary.modules() if isinstance(module, CONVS)]
    for conv in convs:
        conv.register_forward_pre_hook(lambda _, inputs: integer_fire(inputs[0], 4, 1))
    maps = [torch.randn(2, channels, size, size) * 2 for channels, size in sizes]
    for out, expected in zip(neck(maps), ordinary(maps), strict=True):
        assert torch.equal(out, expected)
    assert len(convs) == neurons == sum(isinstance(m, SpikingNeuron) for m in neck.modules())

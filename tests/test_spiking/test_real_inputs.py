"""Layers that get real values: which are meant to, and which are not."""

from __future__ import annotations

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

import mmsfa.det  # noqa: F401
from mmsfa.layers import SpikeConv
from mmsfa.spiking import observe, real_inputs
from mmsfa.spiking.measure.emission import Emission

NEURON = dict(type='mmpretrain.SFA', norm=1)


class Net(nn.Module):
    """A first layer, a spiking layer and the box head of a detector.

    Args:
        head: Type of the head.
        settings: Its settings.
    """

    def __init__(self, head: str, **settings: object) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1)
        self.conv = SpikeConv(4, 4, 1, neuron_cfg=NEURON, norm_cfg=None)
        sizes = dict(in_channels=4, fc_out_channels=8, roi_feat_size=2, num_classes=3)
        self.bbox_head = MODELS.build(dict(type=head, **sizes, **settings))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.bbox_head(self.conv(self.stem(x)))


def found_in(net: nn.Module) -> dict[str, str]:
    got_real = {}

    def received(name: str, layer: nn.Module, x: torch.Tensor, output: torch.Tensor) -> None:
        got_real[name] = Emission.of(x) is None

    with torch.no_grad(), observe(net.eval(), synapse=received):
        net(torch.randn(2, 3, 2, 2))
    return real_inputs(net, got_real)


SHARED = ('bbox_head.shared_fcs.0', 'bbox_head.shared_fcs.1')
BOTH = ('bbox_head.fc_cls', 'bbox_head.fc_reg')


@pytest.mark.parametrize(
    ('analog', 'expected'),
    [
        (None, dict.fromkeys(BOTH, 'potentials')),
        ((), {}),
        (('fc_cls',), dict.fromkeys(BOTH[:1], 'potentials')),
        (('shared_fcs.1',), dict.fromkeys(SHARED[1:], 'analog')),
    ],
)
def test_readouts_are_told_from_layers_without_their_neuron(
    analog: tuple | None, expected: dict[str, str]
) -> None:
    net = Net('mmdet.SpikeShared2FCBBoxHead', neuron_cfg=NEURON, analog=analog)
    assert found_in(net) == {'stem': 'picture', **expected}


def test_an_ordinary_head_has_no_potentials() -> None:
    expected = {'stem': 'picture', **dict.fromkeys(SHARED + BOTH, 'analog')}
    assert found_in(Net('mmdet.Shared2FCBBoxHead')) == expected


def test_a_first_layer_that_gets_spikes_sees_no_picture() -> None:
    net = Net('mmdet.SpikeShared2FCBBoxHead', neuron_cfg=NEURON)
    layers = {'conv.conv': False, 'stem': True}
    assert real_inputs(net, layers) == {'stem': 'analog'}

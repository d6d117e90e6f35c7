"""Max pooling of spikes gives spikes, in every form of inference, and costs nothing."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from mmsfa.layers.spike_pool import SpikeMaxPool2d
from mmsfa.neurons import SFA
from mmsfa.spiking import observe, spike_inference
from mmsfa.spiking.measure.emission import Emission


class Net(nn.Module):
    def __init__(self, fire: nn.Module) -> None:
        super().__init__()
        self.fire = fire
        self.pool = SpikeMaxPool2d(fire)
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(self.pool(self.fire(x)))


@torch.no_grad()
@pytest.mark.parametrize('mode', ['spikes', 'stepwise_attention', 'membrane'])
def test_counts_stay_counts(mode: str) -> None:
    net = copy.deepcopy(Net(SFA(D=4)).double().eval())
    x = 3 * torch.randn(2, 3, 6, 6, dtype=torch.float64)
    expected = net(x)
    seen = []

    def received(name: str, layer: nn.Module, x: torch.Tensor, output: torch.Tensor) -> None:
        seen.append(Emission.of(x))

    with spike_inference(net, mode), observe(net, synapse=received):
        found = net(x)
    assert torch.allclose(found, expected, atol=1e-12)
    assert seen and seen[0].neuron is net.fire
    assert (net.pool.macs(x), net.pool.additions(x)) == (0, 0)


def test_behind_an_ordinary_activation_it_is_an_ordinary_pooling() -> None:
    net = Net(nn.ReLU())
    assert not net.pool.gets_spikes and net.pool.emitter is None
    x = torch.randn(1, 3, 4, 4)
    assert torch.equal(net.pool(x), nn.MaxPool2d(2)(x))


def test_windows_may_overlap() -> None:
    pool, x = SpikeMaxPool2d(SFA(), 3, 2, 1), torch.randn(1, 3, 8, 8)
    assert torch.equal(pool(x), nn.MaxPool2d(3, 2, 1)(x))

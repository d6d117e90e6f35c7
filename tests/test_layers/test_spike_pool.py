"""Pooled spikes are spikes: for counts, for reports, for spike-driven inference."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsfa.layers.spike_pool import SpikeMaxPool2d
from mmsfa.neurons import SFA
from mmsfa.spiking import observe, spike_inference
from mmsfa.spiking.measure.emission import Emission


def model(**pool) -> nn.Sequential:
    neuron = SFA(D=4)
    return nn.Sequential(neuron, SpikeMaxPool2d(neuron, **pool), nn.Conv2d(3, 2, 1)).double().eval()


@pytest.mark.parametrize('mode', ['spikes', 'stepwise_attention'])
@pytest.mark.parametrize('pool', [{}, dict(kernel_size=3, stride=2, padding=1)])
@torch.no_grad()
def test_the_layer_behind_gets_spikes(mode: str, pool: dict) -> None:
    made, x = model(**pool), 4 * torch.randn(2, 3, 7, 6, dtype=torch.float64)
    settings = dict(dict(kernel_size=2, stride=2, padding=0), **pool)
    expected = nn.functional.max_pool2d(made[0](x), **settings)
    assert torch.equal(made[:2](x), expected)
    arrived: list[bool] = []
    with observe(made, synapse=lambda *call: arrived.append(Emission.of(call[2]) is not None)):
        whole = made(x)
        with spike_inference(made, mode):
            torch.testing.assert_close(made(x), whole, rtol=0, atol=1e-12)
    assert arrived == [True, True]


def test_it_costs_nothing_and_an_ordinary_activation_makes_no_spikes() -> None:
    pool, x = SpikeMaxPool2d(SFA()), torch.ones(1, 1, 4, 4)
    assert pool.macs(x) == 0 and pool.additions(x) == 0
    assert SpikeMaxPool2d(nn.ReLU()).emitter is None

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsfa.neurons import SFA
from mmsfa.spiking import StatisticsCounter, observe


def test_statistics_by_hand() -> None:
    """Two channels; the first channel of the second neuron is not dead, the second one is."""
    model = nn.Sequential(SFA(D=4), SFA(D=2, norm=1))
    counter = StatisticsCounter(model)
    with observe(model, neuron=counter.count):
        # the first neuron fires 0 4 / 2 0, then 4 4; the second 0 1 / 0 0 (halves go to even), 1 1
        model(torch.tensor([[[[0.0, 9.0]], [[2.0, -1.0]]]]))
        model(torch.tensor([[[[4.0, 3.6]], [[0.0, 0.4]]]]))
    first, second = counter.layers()
    assert (first.name, first.stage, first.D, first.channels) == ('0', '0', 4, 2)
    assert first.histogram == pytest.approx([4 / 8, 0, 1 / 8, 0, 3 / 8])
    assert first.firing_rate == pytest.approx((4 + 2 + 4 + 4) / (8 * 4))
    assert first.nonzero == pytest.approx(4 / 8)
    assert first.saturation == pytest.approx(3 / 8)
    assert first.dead_channels == 0 and first.outputs == 8
    assert second.histogram == pytest.approx([5 / 8, 3 / 8, 0])
    assert second.dead_channels == 1


def test_neurons_that_never_ran_are_left_out() -> None:
    model = nn.ModuleDict(dict(ran=SFA(), idle=SFA()))
    counter = StatisticsCounter(model)
    with observe(model, neuron=counter.count):
        model['ran'](torch.zeros(1, 3))
    (only,) = counter.layers()
    assert only.name == 'ran' and only.dead_channels == only.channels == 3


def test_counts_beyond_a_byte() -> None:
    model = nn.Sequential(SFA(D=300))
    counter = StatisticsCounter(model)
    with observe(model, neuron=counter.count):
        model(torch.full((2, 3), 1e3))
    (only,) = counter.layers()
    assert only.firing_rate == only.saturation == 1


def test_tokens_hold_their_channels_last() -> None:
    model = nn.Sequential(SFA(D=4))
    counter = StatisticsCounter(model)
    with observe(model, neuron=counter.count):
        for tokens in (5, 7):  # pictures of different sizes
            x = torch.ones(2, tokens, 3)
            x[..., 0] = 0
            model(x)
    (only,) = counter.layers()
    assert (only.channels, only.dead_channels) == (3, 1)

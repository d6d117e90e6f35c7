"""Spike by spike: the same spikes in the same order as the closed form, and the work."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
import torch
from torch import nn

from mmsfa.spike_times import (
    EarliestPool2d,
    SpikeTimeError,
    SpikeTimeLinear,
    TTFSNet,
    run_events,
)


@pytest.mark.parametrize('beta', [0.0, 0.5])
@pytest.mark.parametrize('coarse', [False, True])  # many spikes at one time
def test_it_is_the_closed_form(beta: float, coarse: bool) -> None:
    torch.manual_seed(0)
    rule = dict(type='ReLPSP', beta=beta, t_max=3.0)
    net = TTFSNet((4, 'M', 6), (12, 8), 2, (9, 9), None, rule).double()
    t = torch.rand(1, 2, 9, 9, dtype=torch.float64)
    t = torch.where(torch.rand_like(t) < 0.5, (4 * t).round() / 4 if coarse else t, inf)
    layers, x, expected = [*net.features, *net.dense], t, []
    with torch.no_grad():
        for layer in layers:
            x = layer(x.flatten(1) if isinstance(layer, SpikeTimeLinear) else x)
            expected.append(x.flatten().numpy())
    run = run_events(layers, t[0])
    assert run.order == sorted(run.order, key=lambda spike: spike[0])
    for number, (found, want) in enumerate(zip(run.times, expected, strict=True)):
        assert np.array_equal(np.isinf(found), np.isinf(want)) and (want < inf).any()
        fired = want < inf
        assert np.abs(found[fired] - want[fired]).max() < 1e-12
        order = [neuron for _, layer, neuron in run.order if layer == number]
        assert np.diff(want[order]).min() > -1e-12


def test_what_arrives_at_the_moment_of_a_spike_is_too_late_for_it() -> None:
    layer, t = SpikeTimeLinear(2, 1), torch.tensor([0.0, 1.0])
    layer.weight.data = torch.tensor([[1.0, -5.0]])
    assert layer(t[None]).item() == 1 == run_events([layer], t).times[0][0]


def test_the_work_is_counted() -> None:
    layer = SpikeTimeLinear(3, 2)
    layer.weight.data = torch.tensor([[2.0, 0.0, 1.0], [0.1, 0.1, 0.1]])
    run = run_events([layer], torch.tensor([0.0, 0.25, 1.0]))
    # The first neuron fires at 0.5, so the last spike meets one synapse only.
    assert run.times[0][0] == 0.5
    assert (run.synapses, run.predictions) == (5, 5)
    assert run.queue >= 3 and run.order[0] == (0.5, 0, 0)
    silent = run_events([layer], torch.full((3,), inf))
    assert (silent.synapses, silent.order) == (0, [])


@pytest.mark.parametrize('layer', [
    nn.Linear(3, 2),
    SpikeTimeLinear(3, 2, dict(type='mmpretrain.WindowTTFS')),
    SpikeTimeLinear(3, 2, readout=True),
])  # fmt: skip
def test_other_layers_are_refused(layer: nn.Module) -> None:
    with pytest.raises(SpikeTimeError, match='WindowTTFS waits for its window'):
        run_events([layer], torch.zeros(3))
    assert run_events([EarliestPool2d(2)], torch.zeros(1, 2, 2)).times[0].tolist() == [0]

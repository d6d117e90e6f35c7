"""Layers: what their new weights make of their inputs, read-outs, and what refuses them."""

from __future__ import annotations

from math import inf

import pytest
import torch
from torch import nn

from mmsfa.compression.pruning import plan_pruning
from mmsfa.compression.quantization import QuantizationError, quantize
from mmsfa.export.onnx.export import export_module
from mmsfa.spike_times import (
    EarliestPool2d,
    SpikeTimeConv2d,
    SpikeTimeError,
    SpikeTimeLinear,
    TTFSNet,
)
from mmsfa.spike_times.layers import refuse_spike_times
from mmsfa.spiking import spike_inference
from mmsfa.spiking.inference.spike_inference import NoSpikesError
from mmsfa.spiking.measure.uncounted import uncounted

RULES = [dict(type='mmpretrain.ReLPSP'), dict(type='mmpretrain.WindowTTFS')]


@pytest.mark.parametrize('rule', RULES)
@pytest.mark.parametrize('share', [0.2, 1.0])
def test_new_neurons_neither_all_fire_at_once_nor_stay_silent(rule, share) -> None:
    torch.manual_seed(0)
    t = torch.where(torch.rand(64, 50) < share, torch.rand(64, 50), inf)
    found = SpikeTimeLinear(50, 40, rule)(t)
    assert (found < inf).float().mean() > 0.2
    assert (found == 0).float().mean() < 0.2


@pytest.mark.parametrize('rule', RULES)
def test_layers_follow_each_other(rule) -> None:
    conv = SpikeTimeConv2d(2, 4, 3, stride=1, padding=1, rule=rule)
    net = nn.Sequential(conv, EarliestPool2d(2), nn.Flatten(), SpikeTimeLinear(16, 5, rule, True))
    scores = net(torch.rand(3, 2, 4, 4))
    assert scores.shape == (3, 5) and scores.isfinite().all() and net[-1].readout
    scores.sum().backward()
    assert conv.weight.grad.isfinite().all() and conv.weight.grad.any()
    assert 'padding=1, rule=' in repr(conv)


def test_they_are_no_ordinary_layers() -> None:
    """Whatever counts, folds or quantises those would take times for activations."""
    assert not issubclass(SpikeTimeLinear, nn.Linear)
    assert not issubclass(SpikeTimeConv2d, nn.Conv2d)
    with pytest.raises(SpikeTimeError, match='cannot be pruned: 1 give spike times'):
        refuse_spike_times(nn.Sequential(nn.ReLU(), SpikeTimeLinear(2, 2)), 'be pruned')
    refuse_spike_times(nn.Linear(2, 2), 'be pruned')


def test_what_takes_activations_refuses_or_names_them() -> None:
    net = TTFSNet((4,), input_size=(8, 8)).eval()
    with pytest.raises(SpikeTimeError, match='TTFSNet cannot be exported to ONNX: features.0 give'):
        export_module(net)
    with pytest.raises(SpikeTimeError, match='cannot be pruned'):
        plan_pruning(net, torch.rand(1, 3, 8, 8), 0.5, 'l1')
    with pytest.raises(QuantizationError, match=r'features.0 \(SpikeTimeConv2d\) are no ordinary'):
        quantize(net, 4)
    with pytest.raises(NoSpikesError, match='networks of spike times'):
        spike_inference(net).__enter__()
    with uncounted(net) as found:
        net(torch.rand(1, 3, 8, 8))
    assert found == ['features.0']

"""Models with real time steps in one pass: statistics, spiking form, operations."""

from __future__ import annotations

import pytest
import torch

from mmsfa.backbones import ESpikeFormer
from mmsfa.spiking import FiringRateCounter, OperationCounter, spike_inference, streaming
from tests.helpers.real_time_models import (
    ARCH,
    NEURONS,
    SIZE,
    B,
    C,
    Fill,
    T,
    backbone,
    batched,
    classifier,
    counts_of,
    frames,
)


def test_one_time_step_changes_nothing(lively_weights: Fill) -> None:
    x = frames()[0].float()
    plain = lively_weights(ESpikeFormer(ARCH, in_channels=C))
    timed = lively_weights(ESpikeFormer(ARCH, in_channels=C, T=1, out_time='batch'))
    for mode in (True, False):
        for a, b in zip(plain.train(mode)(x), timed.train(mode)(x), strict=True):
            assert torch.equal(a, b)


def test_batch_statistics_are_those_of_all_time_steps(lively_weights: Fill) -> None:
    """A neuron without memory sees T*B pictures: so does BN."""
    model = backbone(lively_weights, 'sfa_stateless', out_time='batch').train()
    cfg = dict(in_channels=C, neuron_cfg=NEURONS['sfa_stateless'], out_indices=(1, 4))
    static = lively_weights(ESpikeFormer(ARCH, **cfg)).double().train()
    x = frames()
    for a, b in zip(model(batched(x)), static(x.flatten(0, 1)), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
    for (name, a), b in zip(model.named_buffers(), static.buffers(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12, msg=name)


@pytest.mark.parametrize('neuron', ['sfa', 'if', 'lif'])
def test_the_spiking_form_of_a_model_with_time(lively_weights: Fill, neuron: str) -> None:
    model = classifier(lively_weights, 'batch', neuron)
    x = batched(frames())
    integer = counts_of(model, x)
    with spike_inference(model):
        spikes = counts_of(model, x)
    for name, (counts,) in integer.items():
        assert torch.equal(spikes[name][0], counts), name


@pytest.mark.parametrize('neuron', ['sfa', 'lif'])
def test_a_picture_costs_all_of_its_time_steps(lively_weights: Fill, neuron: str) -> None:
    """Rates and operations of one batched pass are those of its steps, added up."""
    model = backbone(lively_weights, neuron)
    found = []
    for streams in (False, True):
        rates, operations = FiringRateCounter(model), OperationCounter(model)
        rates.attach()
        operations.attach()
        with torch.no_grad():
            if streams:
                with streaming(model):
                    for step in frames():
                        model(step)
            else:
                model(batched(frames()))
        operations.detach()
        rates.detach()
        found.append((rates.layer_totals(), operations.layers()))
    assert found[0] == found[1]
    emitted, possible = found[0][0]['stages.3.0.mlp.fc1.activate']
    assert possible == T * B * 16 * (SIZE // 16) ** 2 * (4 if neuron == 'sfa' else 1)
    assert 0 < emitted < possible
    layer = found[0][1]['stages.3.0.mlp.fc1.conv']
    assert layer.analog_macs == 0
    assert layer.acs == emitted * 64
    assert layer.macs == T * B * 16 * 64 * (SIZE // 16) ** 2

"""The ternary neurons as modules that count, prove and stream."""

from __future__ import annotations

import pytest
import torch

from mmsfa.neurons import LIF, TernaryInput, TernaryLIF


def test_its_spikes_are_counted_whatever_their_sign() -> None:
    neuron = TernaryLIF(T=2, threshold=0.7)
    fired = neuron(torch.randn(4, 30))
    number = int(fired.abs().sum())
    assert number == int(neuron.total_of(fired, (0, 1))) and 0 < number < 120
    assert float(neuron.mean_rate_of(fired)) == pytest.approx(number / 120)
    shares = [int((fired == count).sum()) for count in (-1, 0, 1)]
    assert neuron.histogram_of(fired).tolist() == shares
    assert torch.equal(neuron.spikes_of(fired)[0], fired)
    assert neuron.integers_of(fired).dtype == torch.int8


def test_steps_one_by_one_give_what_they_give_together() -> None:
    quantised = dict(type='UniformState', bits=4)
    neuron = TernaryLIF(T=3, threshold=0.7, leak=0.8, state_quant=quantised).eval()
    x = torch.randn(6, 5)
    membrane, steps = None, []
    for current in x.unflatten(0, (3, 2)):
        fired, membrane = neuron.fire_one_step(current, membrane)
        steps.append(fired)
    assert torch.equal(neuron(x), torch.cat(steps))


def test_gradients_come_from_both_thresholds() -> None:
    x = torch.tensor([[-2.5, -1.0, 0.0, 1.0, 2.5]], requires_grad=True)
    TernaryLIF()(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[0, 1, 0, 1, 0]]
    soft = torch.tensor([[0.0]], requires_grad=True)
    TernaryLIF(alpha=0.5)(soft).sum().backward()
    assert soft.grad is not None and soft.grad.item() == pytest.approx(0.5)


def test_settings_tell_what_decides_the_output() -> None:
    told = TernaryLIF(T=2, threshold=0.5).settings()
    assert told['threshold'] == 0.5 and told['lowest'] == -1 and told['neuron'] == 'TernaryLIF'
    assert LIF().settings().get('lowest') is None
    assert 'threshold=0.5' in repr(TernaryLIF(threshold=0.5))


def test_spikes_of_an_encoder_pass() -> None:
    spikes = torch.tensor([[-1.0, 0.0, 1.0]])
    assert torch.equal(TernaryInput()(spikes), spikes)
    assert torch.equal(TernaryInput(T=2).fire_one_step(spikes, None)[0], spikes)
    assert TernaryInput()(torch.tensor([0.2, -3.0])).tolist() == [0, -1]
    x = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)  # of a neuron in front of it
    (TernaryInput()(x) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [1, 2, 3]


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(threshold=0), 'threshold of TernaryLIF'),
    (dict(leak=1.5), 'leak'),
    (dict(alpha=0), 'alpha'),
    (dict(T=0), 'T '),
])  # fmt: skip
def test_settings_out_of_range_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        TernaryLIF(**settings)

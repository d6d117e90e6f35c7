"""What an observer asks a neuron: its counts, spikes and rates."""

from __future__ import annotations

import pytest
import torch

from mmsfa.neurons import SFA, SpikingNeuron
from tests.helpers.ternary_neuron import Ternary


def test_signed_spikes_add_up_and_every_one_counts() -> None:
    neuron = Ternary(D=3, norm=2)
    output = neuron(torch.tensor([[-9.0, -1.2, 0.2, 2.4]]))
    assert neuron.integers_of(output).tolist() == [[-3, -1, 0, 2]]
    spikes = neuron.spikes_of(output)
    assert torch.equal(neuron.per_spike(spikes.sum(0)), output)
    assert spikes.unique().tolist() == [-1, 0, 1]
    assert neuron.total_of(output, (0, 1)) == spikes.abs().sum() == 6
    assert neuron.histogram_of(output).tolist() == [1, 0, 1, 1, 0, 1, 0]
    assert neuron.rates_of(output, axis=1).item() == pytest.approx(6 / (3 * 4))
    assert neuron.capacity_of(output) == 12
    with pytest.raises(ValueError, match=r'integers in -3..D=3'):
        neuron.spikes_of(output + 4)


@pytest.mark.parametrize('norm', [1, 3, None])
def test_an_output_tells_its_counts_and_spikes_whatever_its_norm(norm: float | None) -> None:
    neuron = SFA(D=4, norm=norm)
    output = neuron(torch.tensor([[0.0, 1.0], [3.0, 9.0]]))
    assert neuron.counts_of(output).tolist() == [[0, 1], [3, 4]]
    assert neuron.integers_of(output).dtype == torch.uint8
    assert neuron.spikes_of(output)[:, 1, 0].tolist() == [1, 1, 1, 0]
    assert neuron.total_of(output, (0,)).tolist() == [3, 5]
    assert neuron.histogram_of(output).tolist() == [1, 1, 0, 1, 1]
    assert neuron.rates_of(output, axis=0).tolist() == pytest.approx([3 / 8, 5 / 8])
    assert neuron.mean_rate_of(output).item() == pytest.approx(8 / 16)
    assert neuron.per_spike(3.0) == pytest.approx(3 / (norm or 4))


def test_counts_beyond_a_byte_are_wider_integers() -> None:
    assert SFA(D=255).integers_of(torch.ones(1)).dtype == torch.uint8
    wide = SFA(D=256, norm=1)
    counts = wide.integers_of(wide(torch.tensor([1e3])))
    assert counts.dtype == torch.int32 and counts.tolist() == [256]
    assert Ternary(D=127).integers_of(torch.zeros(1)).dtype == torch.int8
    assert Ternary(D=128).integers_of(torch.zeros(1)).dtype == torch.int32


def test_the_mean_rate_has_the_gradient_of_a_mean() -> None:
    x = torch.tensor([0.5, 1.5, 2.5, 8.0], requires_grad=True)
    neuron = SFA(D=4, norm=2)
    neuron.mean_rate_of(neuron(x)).backward()
    assert x.grad.tolist() == pytest.approx([1 / 16, 1 / 16, 1 / 16, 0])


def test_settings_hold_what_decides_the_output() -> None:
    assert SFA(D=8).settings() == dict(neuron='SFA', D=8, norm=8, T=1, rounding='half_even')
    assert Ternary(D=3).settings() == dict(neuron='Ternary', D=3, lowest=-3, norm=2, T=1)


def test_a_neuron_without_real_time_says_so() -> None:
    with pytest.raises(NotImplementedError, match='Ternary has no real time steps'):
        Ternary().fire_one_step(torch.zeros(1), None)
    assert isinstance(Ternary(), SpikingNeuron)

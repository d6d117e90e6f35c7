"""Counts as binary spikes: the thermometer code, and neurons whose charge arrives in steps."""

import pytest
import torch

from mmsfa.neurons.functional import (
    integer_fire,
    integrate_one_step,
    simulate_if_neuron,
    spike_train,
    sum_spikes,
)
from tests.helpers.potentials import ROUNDINGS, potentials


def if_neuron(charge, D, rounding='half_even'):
    """An integrate-and-fire neuron with soft reset whose whole charge is there at the first step.

    v_1 = U, a spike where v_d reaches 1/2, then v_{d+1} = v_d - s_d. To round halves to even, the
    threshold is strict in odd steps, and a neuron that was silent once stays silent.
    """
    spikes = []
    active = torch.ones_like(charge, dtype=torch.bool)
    for step in range(1, D + 1):
        strict = rounding == 'half_even' and step % 2 == 1
        active = active & (charge > 0.5 if strict else charge >= 0.5)
        spikes.append(active.to(charge.dtype))
        charge = charge - spikes[-1]
    return torch.stack(spikes)


@pytest.mark.parametrize('rounding', ROUNDINGS)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('D', [1, 2, 4, 8])
def test_if_neuron_fires_the_integer(D, dtype, rounding):
    x = potentials(dtype)
    spikes = if_neuron(x, D, rounding)
    counts = integer_fire(x, D, 1, rounding)
    assert set(spikes.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(sum_spikes(spikes), counts)
    assert torch.equal(spikes, spike_train(counts, D)), 'an early-first prefix of ones'


@pytest.mark.parametrize('dtype', [torch.float32, torch.int64, torch.uint8])
def test_spike_train_and_its_inverse(dtype):
    counts = torch.randint(0, 5, (3, 7)).to(dtype)
    spikes = spike_train(counts, 4)
    assert spikes.shape == (4, 3, 7)
    assert (spikes[1:] <= spikes[:-1]).all(), 'early first'
    assert torch.equal(sum_spikes(spikes), counts)


@pytest.mark.parametrize('wrong', [[0.25], [5.0], [-1.0]])
def test_spike_train_refuses_what_is_no_count(wrong):
    with pytest.raises(ValueError, match='integers in 0..D=4'):
        spike_train(torch.tensor(wrong), 4)


def test_a_linear_layer_of_spikes_equals_one_of_counts():
    layer = torch.nn.Linear(16, 8).double()
    counts = integer_fire(potentials()[: 16 * 40].view(40, 16), norm=1)
    accumulated = sum(step @ (layer.weight.T / 4) for step in spike_train(counts, 4)) + layer.bias
    torch.testing.assert_close(accumulated, layer(counts / 4), rtol=0, atol=1e-14)


@pytest.mark.parametrize('D', [0, 2.5])
def test_expansions_refuse_wrong_levels(D):
    for expand in (spike_train, deprecated_if_neuron):
        with pytest.raises(ValueError, match='D .* must be an integer >= 1'):
            expand(torch.zeros(2), D)


def deprecated_if_neuron(*args):
    with pytest.warns(DeprecationWarning, match='gives the same spikes'):
        return simulate_if_neuron(*args)


@pytest.mark.parametrize('rounding', ROUNDINGS)
def test_the_old_name_of_the_simulated_neuron_stays(rounding):
    x = potentials()
    assert torch.equal(deprecated_if_neuron(x, 4, rounding), if_neuron(x, 4, rounding))
    spikes = deprecated_if_neuron(torch.tensor([torch.nan, 2.0]), 4)
    assert spikes[:, 0].isnan().all()
    assert spikes[:, 1].tolist() == [1, 1, 0, 0]


def test_a_membrane_with_steady_charge_counts_as_the_integer_does() -> None:
    charge = torch.linspace(-1, 6, 701, dtype=torch.float64) + 1e-3  # no ties
    counts = None
    for step in range(1, 5):
        counts = integrate_one_step(charge * step / 4, counts, 4)
    assert torch.equal(counts, integer_fire(charge, 4, norm=1))


def test_a_spike_cannot_be_taken_back() -> None:
    arrived = torch.tensor([2.0]), torch.tensor([0.0])
    first = integrate_one_step(arrived[0], None, 4)
    assert integrate_one_step(arrived[1], first, 4).item() == 1
    assert integer_fire(arrived[1], 4, norm=1).item() == 0

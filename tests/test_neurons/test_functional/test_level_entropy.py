"""The entropy of levels by hand, and a gradient that evens the histogram out."""

from math import log

import pytest
import torch

from mmsfa.neurons import LIF, SFA
from mmsfa.neurons.functional import level_entropy


def test_values_by_hand():
    assert level_entropy(torch.tensor([2.0, 2.0, 2.0]), 5) == 0
    assert level_entropy(torch.arange(5.0), 5).item() == pytest.approx(1)
    two = level_entropy(torch.tensor([0.0, 3.0, 0.0, 0.0], dtype=torch.float64), 4).item()
    assert two == pytest.approx(-(0.75 * log(0.75) + 0.25 * log(0.25)) / log(4), abs=1e-12)
    assert level_entropy(torch.zeros(2, dtype=torch.float16), 2).dtype == torch.float32


def test_of_two_levels_it_is_the_derivative_by_the_rate():
    spikes = torch.tensor([1.0, 0, 0, 0, 1], dtype=torch.float64, requires_grad=True)
    level_entropy(spikes, 2).backward()
    p = 0.4
    expected = log((1 - p) / p) / log(2) / 5  # dH/dp, and p is a mean over 5
    assert torch.allclose(spikes.grad, torch.full((5,), expected, dtype=torch.float64))


def test_elements_move_towards_the_rarer_neighbour():
    levels = torch.tensor([0.0] * 6 + [1.0] * 3 + [2.0] * 1, requires_grad=True)
    level_entropy(levels, 4).backward()
    up = levels.grad
    assert (up > 0).all()  # above is rarer everywhere, and level 3 is empty
    flat = torch.arange(4.0).repeat(3).requires_grad_()
    level_entropy(flat, 4).backward()
    assert flat.grad.abs().max() < 1e-8


def test_nan_is_seen():
    assert level_entropy(torch.tensor([0.0, float('nan')]), 2).isnan()


@pytest.mark.parametrize('neuron', [SFA(D=4), SFA(D=4, norm=1), LIF(T=1)])
def test_a_neuron_tells_the_entropy_of_its_histogram(neuron):
    output = neuron(3 * torch.randn(1000))
    shares = neuron.histogram_of(output).double() / 1000
    expected = -torch.special.xlogy(shares, shares).sum() / log(len(shares))
    assert neuron.entropy_of(output).item() == pytest.approx(expected.item(), rel=1e-5)

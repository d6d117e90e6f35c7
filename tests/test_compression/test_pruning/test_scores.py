"""Scores of spike maps: constructed maps, what they do not depend on, potentials."""

from __future__ import annotations

import torch
from torch import Tensor

from mmsfa.compression.pruning.scores import (
    charge_of,
    mean_over_steps,
    potential_score,
    singular_value_score,
    steps_of,
)
from mmsfa.neurons import LIF, SFA


def spikes() -> Tensor:
    """(T*B = 2*1, 5, 8, 8): nothing, one row, a checkerboard, a diagonal, one at one step only."""
    x = torch.zeros(2, 5, 8, 8)
    x[:, 1, 3] = 1
    x[:, 2] = (torch.arange(8)[:, None] + torch.arange(8)) % 2
    x[:, 3] = torch.eye(8)
    x[1, 4] = torch.eye(8)
    return x


def test_the_rank_of_constructed_maps() -> None:
    found = singular_value_score(mean_over_steps(spikes(), 2))
    assert found.tolist() == [[0, 1, 2, 8, 8]]


def test_neither_order_nor_scale_of_spikes_counts() -> None:
    x = torch.rand(3 * 4, 6, 7, 9).round()
    wanted = singular_value_score(mean_over_steps(x, 3))
    steps = x.unflatten(0, (3, 4))
    assert torch.equal(
        singular_value_score(mean_over_steps(steps.flip(0).flatten(0, 1), 3)), wanted
    )
    turned = singular_value_score(mean_over_steps(steps.flip(1).flatten(0, 1), 3))
    assert torch.equal(turned.flip(0), wanted)
    assert torch.equal(singular_value_score(mean_over_steps(x / 4, 3)), wanted)


def test_rank_is_exact_where_float32_sees_noise() -> None:
    """Zeros of float32 are 1e-6 and more: a map of rank 2 would count 16."""
    rows = torch.rand(16, 2) @ torch.rand(2, 16).round()
    assert singular_value_score((rows * 30).double()[None, None].round()).item() <= 16
    board = spikes()[:1, 2:3].repeat(1, 1, 8, 8) * 3
    assert singular_value_score(board).item() == 2


def test_maps_of_one_place_have_one_or_none() -> None:
    assert singular_value_score(torch.tensor([[0.0, 0.5]])).tolist() == [[0, 1]]


def test_large_maps_are_averaged() -> None:
    x = torch.rand(1, 2, 24, 40, dtype=torch.float64)
    assert singular_value_score(x).tolist() == [[24, 24]]
    assert singular_value_score(x, max_size=8).tolist() == [[8, 8]]
    assert singular_value_score(x, max_size=30).tolist() == [[24, 24]]


def test_potentials_are_added_up_over_a_map() -> None:
    x = torch.tensor([[[[1.0, -2], [0, 3]]]])
    assert potential_score(x).tolist() == [[6]]
    assert potential_score(torch.tensor([[-2.0, 1]])).tolist() == [[2, 1]]


def test_the_charge_of_a_neuron_is_what_it_compares_with_its_threshold() -> None:
    neuron = LIF(T=2, tau=2.0, decay_input=False)
    x = torch.tensor([[0.8], [0.7]])
    assert torch.allclose(charge_of(neuron, x), torch.tensor([[0.8], [1.1]]))
    x = torch.tensor([[1.5], [0.7]])  # it has fired and starts at 0
    assert torch.allclose(charge_of(neuron, x), x)
    assert charge_of(SFA(), x) is x
    assert steps_of(neuron) == 2 and steps_of(torch.nn.ReLU()) == 1

"""Ternary firing: parity, symmetry, and the ordinary neuron as its half."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mmsfa.neurons.functional import (
    BinaryDynamics,
    binary_fire_over_time,
    ternary_fire_one_step,
    ternary_fire_over_time,
)
from tests.helpers.seeds import seeds


@pytest.mark.parametrize('name', ['lif_T6', 'lif_T6_through_reset'])
def test_parity(name: str, shared_dir: Path) -> None:
    def fire(inputs: dict[str, Any], config: dict[str, Any], state: None) -> dict[str, Any]:
        x = torch.tensor(inputs['x'], requires_grad=True)
        settings = (config['tau'], config['theta'], 1 / config['gamma'], config['detach_reset'])
        membrane, spikes, charges = None, [], []
        for current in x:
            fired, membrane, charge = ternary_fire_one_step(current, membrane, *settings)
            spikes.append(fired)
            charges.append(charge)
        s = torch.stack(spikes)
        (s * torch.tensor(inputs['probe:s'])).mean().backward()
        together = ternary_fire_over_time(x.detach().flatten(0, 1), len(x), *settings)
        assert torch.equal(together.view_as(s), s)
        return dict(s=s.detach(), u=torch.stack(charges).detach(), **{'grad:x': x.grad})

    seeds(shared_dir).Case(f'ternary/{name}').check(fire)


def test_every_case_is_tried(shared_dir: Path) -> None:
    here = {'lif_T6', 'lif_T6_through_reset'}
    integer = {'layer_w4u4', 'layer_w2u8', 'layer_w8u4_k3'}  # test_integer_ternary.py
    found = {name.removeprefix('ternary/') for name in seeds(shared_dir).names('ternary/')}
    assert found == here | integer


def test_it_is_odd_and_for_positive_input_the_ordinary_neuron() -> None:
    x = torch.randn(4 * 3, 50)
    fired = ternary_fire_over_time(x, 4, 0.5, 0.8)
    assert set(fired.unique().tolist()) == {-1, 0, 1}
    assert torch.equal(ternary_fire_over_time(-x, 4, 0.5, 0.8), -fired)
    soft = BinaryDynamics(0.5, 1.0, 0.8, soft_reset=True)
    assert torch.equal(
        ternary_fire_over_time(x.abs(), 4, 0.5, 0.8), binary_fire_over_time(x.abs(), 4, soft)
    )


def test_what_is_no_number_is_no_silence() -> None:
    fired = ternary_fire_over_time(torch.tensor([[torch.nan, 2.0]]), 1, 0.5, 1.0)
    assert fired[0, 0].isnan() and fired[0, 1] == 1


def test_what_is_stored_is_what_the_next_step_finds() -> None:
    x = torch.tensor([[0.75], [0.75], [0.75]])  # u .75, 1.125 -> v .125, then .8125
    assert ternary_fire_over_time(x, 3, 0.5, 1.0).flatten().tolist() == [0, 1, 0]
    forget = ternary_fire_over_time(x, 3, 0.5, 1.0, store=torch.zeros_like)
    assert not forget.any()


def test_batches_that_hold_no_whole_steps_are_refused() -> None:
    with pytest.raises(ValueError, match='multiple of T=2'):
        ternary_fire_over_time(torch.zeros(3, 1), 2, 0.5, 1.0)

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsfa.neurons import SFA
from mmsfa.spiking import FiringRateCounter


@pytest.mark.parametrize('norm', [None, 1, 3])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16])
def test_rates_do_not_depend_on_norm_or_type(norm: int | None, dtype: torch.dtype) -> None:
    model = nn.Sequential(SFA(D=4, norm=norm))
    counter = FiringRateCounter(model)
    counter.attach()
    model(torch.tensor([[0.0, 1.0, 2.0, 4.0]], dtype=dtype))
    model(torch.tensor([[4.0]], dtype=dtype))  # another size: it weighs what it can emit
    counter.detach()
    model(torch.tensor([[4.0]], dtype=dtype))  # not counted any more
    rates = counter.rates(per_layer=True)
    assert rates['mean'] == rates['0'] == pytest.approx((1 + 2 + 4 + 4) / (5 * 4), rel=5e-3)


def test_large_maps_are_counted_exactly() -> None:
    model = nn.Sequential(SFA(D=4))
    counter = FiringRateCounter(model)
    counter.attach()
    for _ in range(3):
        model(torch.full((4, 64, 160, 160), 3.0))
    assert counter.rates()['mean'] == 0.75


def test_attaching_twice_counts_once() -> None:
    model = nn.Sequential(SFA())
    counter = FiringRateCounter(model)
    counter.attach()
    counter.attach()
    model(torch.ones(1, 2))
    assert counter.layer_totals() == {'0': (2.0, 8.0)}


def test_neurons_that_never_ran_are_left_out() -> None:
    model = nn.ModuleDict(dict(backbone=SFA(), neck=SFA()))
    counter = FiringRateCounter(model)
    counter.attach()
    model['backbone'](torch.ones(1, 1))
    assert set(counter.rates()) == {'mean', 'backbone'}

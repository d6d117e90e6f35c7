"""Neurons and convolutions as NIR can say them."""

from __future__ import annotations

import nir
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmsfa.export.nir.primitives import (
    NirError,
    check_neuron,
    level_shifts,
    neuron_bank,
    plain_convolution,
    ungroup,
)
from mmsfa.neurons import IF, SFA
from mmsfa.neurons.functional import integer_fire, spike_train

DTYPES = {torch.float32: np.float32, torch.float64: np.float64}


@pytest.mark.parametrize('D', [1, 2, 3, 4, 8, 16])
@pytest.mark.parametrize('rounding', ['half_even', 'half_up'])
@pytest.mark.parametrize('dtype', DTYPES)
def test_levels_are_the_thermometer_code_around_every_edge(
    D: int, rounding: str, dtype: torch.dtype
) -> None:
    edges = above = below = torch.arange(-2, 2 * D + 4, dtype=dtype) / 2
    potentials = [edges, torch.linspace(-2, D + 2, 999, dtype=dtype)]
    for _ in range(4):  # the numbers next to each edge, one by one
        above, below = above.nextafter(edges + 9), below.nextafter(edges - 9)
        potentials += [above, below]
    U = torch.cat(potentials)
    shifts, threshold = level_shifts(D, rounding, np.dtype(DTYPES[dtype]))
    assert shifts.dtype == DTYPES[dtype] and DTYPES[dtype](threshold) == threshold
    levels = U + torch.from_numpy(shifts)[:, None]
    expected = spike_train(integer_fire(U, D, 1, rounding), D)
    assert torch.equal((levels > threshold).to(dtype), expected)
    assert torch.equal((levels >= threshold).to(dtype), expected)  # readers differ in this


@pytest.mark.parametrize('groups', [1, 2, 6])
def test_a_dense_weight_with_zeros_is_the_grouped_convolution(groups: int) -> None:
    conv = nn.Conv2d(6, 12, 3, groups=groups, bias=False).double()
    x = torch.randn(2, 6, 5, 5, dtype=torch.float64)
    dense = torch.from_numpy(ungroup(conv.weight.numpy(force=True), groups))
    assert dense.shape == (12, 6, 3, 3) and dense.count_nonzero() == conv.weight.numel()
    torch.testing.assert_close(F.conv2d(x, dense), conv(x), rtol=0, atol=1e-13)


def test_a_bank_tells_which_neuron_it_was() -> None:
    bank = neuron_bank('act', SFA(D=3, norm=2, rounding='half_up'), (6, 2, 2), np.dtype('f4'))
    assert bank.metadata == dict(neuron='act', D=3, norm=2.0, rounding='half_up')
    assert bank.v_threshold.shape == (6, 2, 2) and bank.v_threshold.dtype == np.float32
    assert not bank.v_reset.any() and (bank.r == 1).all()
    assert isinstance(bank, nir.IF)


def test_only_an_sfa_neuron_on_a_picture_has_an_exact_form() -> None:
    neuron = SFA()
    assert check_neuron('act', neuron) is neuron
    with pytest.raises(NirError, match='act is a IF, which NIR has no exact node for'):
        check_neuron('act', IF())
    with pytest.raises(NirError, match=r'act runs over T=3 real time steps'):
        check_neuron('act', SFA(T=3))
    neuron.rounding = 'down'
    with pytest.raises(NirError, match=r"act rounds 'down'.*expected one of half_even, half_up"):
        check_neuron('act', neuron)


def test_a_convolution_that_nir_can_say_is_itself() -> None:
    conv = nn.Conv2d(2, 4, 3, stride=2, padding=1, dilation=2, groups=2)
    plain = plain_convolution('conv', conv)
    assert plain.weight is conv.weight and plain.stride == (2, 2) and plain.groups == 2
    for layer, said in (
        (nn.Linear(2, 2), 'conv is a Linear, which NIR has no node for'),
        (nn.ConvTranspose2d(2, 2, 3), 'conv is a ConvTranspose2d'),
        (nn.Conv2d(2, 2, 3, padding='same'), "conv pads with 'zeros' by 'same'"),
    ):
        with pytest.raises(NirError, match=said):
            plain_convolution('conv', layer)

"""What a product of spikes tells of itself."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsfa.layers.attention import SpikeProduct
from mmsfa.layers.effective_weight import has_product
from mmsfa.neurons import LIF, SFA


def test_a_contract_that_is_not_kept_says_so() -> None:
    for method in ('macs', 'additions', 'stepwise'):
        with pytest.raises(NotImplementedError, match='SpikeProduct'):
            getattr(SpikeProduct(), method)()
    assert not SpikeProduct().gets_spikes


def test_it_knows_its_neurons_without_owning_them() -> None:
    product, q, v = SpikeProduct(), SFA(), LIF()
    product.reads(q, v, emitter=v)
    assert product.neurons == (q, v) and product.gets_spikes and product.emitter is v
    assert not list(product.children()), 'they belong to the owner, and so do their names'
    product.reads(q, v)
    assert product.emitter is None


def test_what_it_learns_are_factors_of_its_output() -> None:
    product = SpikeProduct()
    product.factor = nn.Parameter(torch.ones(2, 1))
    assert not has_product(product)


def test_one_real_valued_input_is_enough_to_get_no_spikes() -> None:
    product = SpikeProduct()
    product.reads(SFA(), nn.ReLU())
    assert product.neurons == () and not product.gets_spikes

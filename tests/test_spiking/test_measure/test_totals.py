"""Sums by name."""

from __future__ import annotations

import pytest
import torch

from mmsfa.spiking.measure.totals import Totals


def test_numbers_of_each_name_add_up_in_the_order_of_the_names() -> None:
    totals = Totals(['b', 'a', 'idle'], width=2)
    totals.add('a', 1, torch.tensor(0.5))
    totals.add('b', torch.tensor(3, dtype=torch.int64), 4.0)
    totals.add('a', torch.tensor(2.0), 0)
    found = totals.over_all_ranks()
    assert found == {'b': (3, 4), 'a': (3, 0.5), 'idle': (0, 0)}
    assert list(found) == ['b', 'a', 'idle']
    assert totals.over_all_ranks() == found, 'asking changes nothing'
    assert Totals([], width=2).over_all_ranks() == {}


def test_large_sums_are_exact() -> None:
    totals = Totals(['a'], width=1)
    for number in (2.0**40, 1.0, 1.0):  # float32 holds 24 bits
        totals.add('a', torch.tensor(number, dtype=torch.float64))
    assert totals.over_all_ranks() == {'a': (2.0**40 + 2,)}


def test_each_number_needs_its_place() -> None:
    with pytest.raises(ValueError, match='zip'):
        Totals(['a'], width=2).add('a', 1.0)

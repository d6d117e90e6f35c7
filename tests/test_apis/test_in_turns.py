"""Medians and ratios of variants that take turns, and the clock."""

from __future__ import annotations

import math
import time

from mmsfa.apis.in_turns import is_cuda, machine_name, medians, ratio_to, seconds


def test_a_ratio_to_nothing_is_no_number() -> None:
    assert math.isnan(ratio_to('a', 'b', dict(a=[0.0, 40.0], b=[20.0, 30.0])))
    assert ratio_to('a', 'b', dict(a=[10.0, 40.0], b=[20.0, 20.0])) == 1.25


def test_ratios_are_those_of_the_rounds_and_not_of_the_medians() -> None:
    assert medians(dict(a=[1.0, 2.0, 9.0], b=[3.0, 2.0, 9.0])) == ['2 (1.00x)', '3 (1.00x)']
    assert medians(dict(a=[1.0, 2.0, 9.0], b=[2.0, 8.0, 9.0])) == ['2 (1.00x)', '8 (2.00x)']


def test_a_call_takes_at_least_what_it_sleeps() -> None:
    assert seconds(lambda: time.sleep(0.01), 'cpu') >= 0.01


def test_the_machine_tells_its_threads() -> None:
    assert not is_cuda('cpu') and is_cuda('cuda:1')
    assert machine_name('cpu').endswith(' threads')

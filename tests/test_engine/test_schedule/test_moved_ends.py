"""Ends in a config that go along with the end of a run."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from mmengine.optim import LinearLR
from torch import nn

from mmsfa.engine.schedule import Length, MovedEnds

OLD, NEW = Length(10, 100, True), Length(15, 150, True)


@pytest.mark.parametrize(
    ('settings', 'moved', 'moves'),
    [
        (dict(end=10), dict(end=15), ['the end of PolyLR moves from 10 to 15']),
        (
            dict(by_epoch=False, begin=20, end=100, T_max=80),
            dict(end=150, T_max=130),
            ['the end of PolyLR moves from 100 to 150', 'T_max of PolyLR moves from 80 to 130'],
        ),
        (dict(total_steps=10), dict(total_steps=15), ['total_steps of PolyLR moves from 10 to 15']),
        (dict(end=10, T_max=7), dict(end=15), ['the end of PolyLR moves from 10 to 15']),
        (dict(end=9, T_max=10), {}, []),  # an end of its own
        (dict(by_epoch=False, end=10), {}, []),  # 10 iterations are no end of this run
        (dict(begin=2), {}, []),
    ],
)
def test_what_ended_with_the_run_ends_with_the_longer_one(
    settings: dict, moved: dict, moves: list[str]
) -> None:
    settings = dict(type='PolyLR', **settings)
    before = deepcopy(settings)
    ends = MovedEnds([OLD], NEW)
    assert ends.apply(settings) == before | moved
    assert ends.moves == moves and settings == before


def test_each_scheduler_of_each_optimizer_is_looked_at() -> None:
    made = LinearLR(torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1), end=10)
    settings = dict(a=[dict(type=LinearLR, end=10), made], b=dict(type='PolyLR', end=3), c=None)
    ends = MovedEnds([OLD], NEW)
    found = ends.apply(settings)
    assert found == dict(
        a=[dict(type=LinearLR, end=15), made], b=dict(type='PolyLR', end=3), c=None
    )
    assert found['a'][1] is made and ends.moves == ['the end of LinearLR moves from 10 to 15']


def test_a_shorter_run_moves_nothing() -> None:
    settings = dict(type='PolyLR', end=10)
    assert MovedEnds([OLD], Length(5, 50, True)).apply(settings) == settings


def test_an_end_may_be_that_of_the_first_run_or_of_the_last_one() -> None:
    ends = MovedEnds([Length(6, 60, True), OLD], NEW)
    found = ends.apply([dict(type='PolyLR', end=6), dict(type='PolyLR', end=10)])
    assert [one['end'] for one in found] == [15, 15]

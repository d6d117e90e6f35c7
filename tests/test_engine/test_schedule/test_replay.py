"""New schedulers, stepped to where a run stands."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import (
    CosineAnnealingLR,
    LinearLR,
    LinearMomentum,
    MultiStepLR,
    OptimWrapper,
    OptimWrapperDict,
)
from torch import nn

from mmsfa.engine.schedule.replay import back_to_start, replay, scheduled_keys

RATES = (0.1, 0.1, 0.2, 0.1, 0.2)
KEYS = ('lr', 'initial_lr', 'momentum')


def optimizer() -> OptimWrapper:
    groups = [dict(params=[nn.Parameter(torch.zeros(1))], lr=lr) for lr in RATES]
    return OptimWrapper(torch.optim.SGD(groups, lr=0.1, momentum=0.9))


def schedulers_of(wrapper: OptimWrapper) -> list:
    return [
        LinearLR(wrapper, start_factor=0.1, by_epoch=False, end=5),
        CosineAnnealingLR(wrapper, T_max=9, by_epoch=False, begin=5, end=14, eta_min=1e-3),
        MultiStepLR(wrapper, milestones=[2, 3], gamma=0.3),
        LinearMomentum(wrapper, start_factor=0.5, end=4),
    ]


def values(wrapper: OptimWrapper) -> list[list]:
    return [[group.get(key) for key in KEYS] for group in wrapper.param_groups]


@pytest.mark.filterwarnings('ignore:.*optimizer.step')
@pytest.mark.parametrize(('epochs', 'iters', 'each'), [(3, 14, 4), (0, 3, 4), (2, 0, 4), (3, 6, 3)])
def test_it_is_the_step_by_step_way_bit_for_bit(epochs: int, iters: int, each: int) -> None:
    one, other = optimizer(), optimizer()
    by_hand, replayed = schedulers_of(one), schedulers_of(other)
    finished = 0
    for iteration in range(iters):
        by_hand[0].step(), by_hand[1].step()
        if (iteration + 1) % each == 0:
            by_hand[2].step(), by_hand[3].step()
            finished += 1
    for _ in range(epochs - finished):
        by_hand[2].step(), by_hand[3].step()

    replay(SimpleNamespace(param_schedulers=replayed), [(other, replayed)], epochs, iters, each)
    assert values(other) == values(one)
    for mine, expected in zip(replayed, by_hand, strict=True):
        assert mine.optimizer is other
        assert mine.base_values == expected.base_values
        assert len(mine.base_values) == len(other.param_groups) >= len(RATES)
        assert mine.state_dict() == expected.state_dict()


def test_an_optimizer_goes_back_to_before_its_schedulers() -> None:
    wrappers = OptimWrapperDict(a=optimizer(), b=optimizer())
    before = [values(wrapper) for wrapper in wrappers.values()]
    for wrapper in wrappers.values():
        schedulers_of(wrapper)
    assert [values(wrapper) for wrapper in wrappers.values()] != before
    back_to_start(wrappers)
    assert [values(wrapper) for wrapper in wrappers.values()] == before
    assert not any('initial_momentum' in group for group in wrappers['a'].param_groups)


def test_keys_that_schedulers_write() -> None:
    rate = {'lr', 'initial_lr', 'max_lr', 'min_lr'}
    assert scheduled_keys([dict(lr=0.1, weight_decay=0.1, momentum=0.9)]) == rate
    both = scheduled_keys([dict(lr=0.1), dict(initial_momentum=0.9, betas=(0.9, 0.99))])
    assert both == rate | {key.replace('lr', 'momentum') for key in rate} | {'betas'}

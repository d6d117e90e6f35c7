"""The schedule of a config against that of a checkpoint."""

from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import (
    CosineAnnealingLR,
    LinearLR,
    MultiStepLR,
    OptimWrapper,
    OptimWrapperDict,
    PolyLR,
)
from torch import nn

from mmsfa.engine.schedule.comparison import Part, parts_of


def optimizer(lr: float = 0.1) -> OptimWrapper:
    return OptimWrapper(torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr, weight_decay=lr))


def cosine(wrapper: OptimWrapper, **changes) -> CosineAnnealingLR:
    return CosineAnnealingLR(wrapper, **dict(dict(T_max=10, eta_min=1e-5), **changes))


def steps(wrapper: OptimWrapper, *milestones: int) -> MultiStepLR:
    return MultiStepLR(wrapper, milestones=list(milestones))


def saved(wrapper: OptimWrapper, *schedulers) -> dict:
    """As a checkpoint keeps them."""
    states = [scheduler.state_dict() for scheduler in schedulers]
    return deepcopy(dict(optimizer=wrapper.state_dict(), param_schedulers=states))


def part_of(checkpoint: dict, wrapper: OptimWrapper, *schedulers) -> Part:
    runner = SimpleNamespace(optim_wrapper=wrapper, param_schedulers=list(schedulers))
    (part,) = parts_of(runner, checkpoint)
    return part


@pytest.mark.filterwarnings('ignore:.*optimizer.step')
def test_the_way_so_far_is_no_difference() -> None:
    old, new = optimizer(), optimizer()
    schedulers = [cosine(old), steps(old, 3, 5)]
    for _ in range(4):
        [scheduler.step() for scheduler in schedulers]
    part = part_of(saved(old, *schedulers), new, cosine(new), steps(new, 3, 5))
    assert part.old_groups[0]['lr'] != new.param_groups[0]['lr']
    assert part.differences() == []


@pytest.mark.parametrize(
    ('make', 'lr', 'words'),
    [
        (lambda w: [cosine(w), steps(w, 3, 5)], 0.05, ['the initial lr is 0.05 (was 0.1)']),
        (
            lambda w: [cosine(w, eta_min=0.01, T_max=20), steps(w, 3, 6)],
            0.1,
            [
                'CosineAnnealingLR.T_max is 20 (was 10)',
                'CosineAnnealingLR.eta_min is 0.01 (was 1e-05)',
                'MultiStepLR.milestones is [3, 6] (was [3, 5])',
            ],
        ),
        (lambda w: [cosine(w), PolyLR(w)], 0.1, ['PolyLR is new']),
        (lambda w: [], 0.1, ['the number of schedulers is 0 (was 2)']),
        (
            lambda w: [LinearLR(w)],
            0.2,
            ['the initial lr is 0.2 (was 0.1)', 'the number of schedulers is 1 (was 2)'],
        ),
    ],
)
def test_differences_in_words(make, lr: float, words: list[str]) -> None:
    old, new = optimizer(), optimizer(lr)
    checkpoint = saved(old, cosine(old), steps(old, 3, 5))
    assert part_of(checkpoint, new, *make(new)).differences() == words


def test_a_checkpoint_may_hold_no_schedule() -> None:
    checkpoint, new = dict(optimizer=optimizer().state_dict()), optimizer()
    assert part_of(checkpoint, new).differences() == []
    part = part_of(checkpoint, new, LinearLR(new))
    assert part.differences() == ['the checkpoint holds no schedule']


def test_what_is_scheduled_goes_into_the_checkpoint_and_nothing_else() -> None:
    old, new = optimizer(), optimizer(0.2)
    checkpoint = saved(old, cosine(old))
    part_of(checkpoint, new).overwrite_old()
    (group,) = checkpoint['optimizer']['param_groups']
    assert group['lr'] == 0.2 and 'initial_lr' not in group and group['weight_decay'] == 0.1
    scheduler = LinearLR(new, start_factor=0.5)
    part_of(checkpoint, new, scheduler).overwrite_old()
    assert (group['lr'], group['initial_lr']) == (0.1, 0.2)


def test_every_optimizer_gets_its_own_part() -> None:
    wrappers = OptimWrapperDict(a=optimizer(), b=optimizer())
    checkpoint = deepcopy(dict(optimizer=wrappers.state_dict(), param_schedulers=dict(b=['state'])))
    runner = SimpleNamespace(optim_wrapper=wrappers, param_schedulers=dict(a=['x'], b=['y']))
    first, second = parts_of(runner, checkpoint)
    assert (first.schedulers, first.old_schedulers) == (['x'], None)
    assert (second.schedulers, second.old_schedulers) == (['y'], ['state'])
    assert second.optimizer is wrappers['b']
    (group,) = second.old_groups
    assert group is checkpoint['optimizer']['b']['param_groups'][0]


def test_settings_of_no_parameter_are_scheduled_too() -> None:
    """mmengine keeps them as one more group where parameters have settings of their own."""
    groups = [dict(params=[nn.Parameter(torch.zeros(1))], lr=lr) for lr in (0.1, 0.2)]
    wrapper = OptimWrapper(torch.optim.SGD(groups, lr=0.3))
    part = part_of(saved(wrapper), wrapper)
    assert [group['lr'] for group in part.old_groups] == [0.1, 0.2, 0.3]
    assert len(part.old_groups) == len(wrapper.param_groups)

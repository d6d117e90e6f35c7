"""One running mean of several modules."""

from __future__ import annotations

import torch

from mmsfa.neurons import RunningMean


def test_the_first_value_is_the_mean_and_places_learn_apart() -> None:
    module = RunningMean()
    module.momentum = 0.5
    module.keep_mean('running_peak', torch.full((2,), 9.0))
    for value, place in ((4.0, 0), (2.0, 0), (8.0, 1)):
        module.learn(torch.tensor(value, dtype=torch.float64), place)
    assert module.running_peak.tolist() == [3, 8]
    assert module.num_batches_tracked.tolist() == [2, 1]
    assert set(module.state_dict()) == {'running_peak', 'num_batches_tracked'}


def test_one_that_keeps_nothing_learns_nothing() -> None:
    module = RunningMean()
    module.learn(torch.ones(()))
    assert not module.state_dict() and module.running_name is None

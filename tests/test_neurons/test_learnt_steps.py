"""Parameters of single time steps belong to them."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from mmsfa.layers.attention.binary_map import LambdaError
from mmsfa.neurons.learnt_steps import LearntStepsError, check_step, refuse_other_steps


class Factors(nn.Module):
    """One factor a step."""

    def __init__(self, T: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(T, 1))
        self.register_load_state_dict_pre_hook(refuse_other_steps('factor'))


def test_weights_of_other_steps_are_refused() -> None:
    model = nn.Sequential(Factors(2))
    with pytest.raises(LearntStepsError, match=r'have 0\.factor for T = 3 .* has T = 2: set T=3'):
        model.load_state_dict(nn.Sequential(Factors(3)).state_dict())
    model.load_state_dict(nn.Sequential(Factors(2)).state_dict())
    model.load_state_dict({}, strict=False)


def test_a_model_with_them_is_pickled_and_goes_on_refusing() -> None:
    model = pickle.loads(pickle.dumps(Factors(2)))
    with pytest.raises(LearntStepsError, match='T = 3 .* has T = 2'):
        model.load_state_dict(Factors(3).state_dict())


def test_steps_behind_the_last_one() -> None:
    check_step(2, 3, 'factors')
    with pytest.raises(LearntStepsError, match='learnt factors for 3 time steps.*on to step 4'):
        check_step(3, 3, 'factors')
    assert LambdaError is LearntStepsError

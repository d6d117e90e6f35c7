"""Where real time lies: in the channels of a picture, in the batch axis, in the neurons."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from mmsfa.neurons.real_time import (
    RealTime,
    checked_out_time,
    input_channels,
    mean_over_time,
    time_to_batch,
    with_time,
)

SFA = dict(type='mmpretrain.SFA', D=4)


def test_time_moves_from_the_channels_into_the_batch_axis() -> None:
    T, B, C = 3, 2, 2
    x = torch.arange(B * T * C).view(B, T * C, 1, 1)
    moved = time_to_batch(x, T, C)
    assert moved.shape == (T * B, C, 1, 1)
    for t in range(T):
        for b in range(B):
            assert torch.equal(moved[t * B + b], x[b, t * C : (t + 1) * C])
    still = x[:, :C]
    assert torch.equal(time_to_batch(still, T, C), torch.cat([still] * T))
    with pytest.raises(ValueError, match=r'T\*C = 3\*2 channels \(or 2, shown T times\), got 4'):
        time_to_batch(x[:, :4], T, C)


def test_the_mean_over_time_is_one_of_each_sample() -> None:
    x = torch.tensor([[1.0], [10.0], [3.0], [30.0]])  # two steps of two samples
    assert mean_over_time(x, 2).tolist() == [[2], [20]]


def test_only_spiking_neurons_get_time() -> None:
    assert with_time(SFA, 3) == dict(SFA, T=3) and 'T' not in SFA
    assert with_time(SFA, 1) is SFA
    assert with_time(dict(SFA, T=3), 3)['T'] == 3
    assert with_time(dict(type='ReLU'), 3) == dict(type='ReLU')
    assert with_time(dict(type=nn.ReLU), 3) == dict(type=nn.ReLU)
    with pytest.raises(ValueError, match=r'T=3, got .*: leave T out of neuron_cfg'):
        with_time(dict(SFA, T=2), 3)
    with pytest.raises(ValueError, match='neuron_cfg must name a type'):
        with_time(dict(D=4), 1)


def test_what_becomes_of_time_is_one_of_two() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert [checked_out_time(word) for word in ('mean', 'batch')] == ['mean', 'batch']
    with pytest.warns(DeprecationWarning, match="is called 'batch'"):
        assert checked_out_time('fold') == 'batch'
    with pytest.raises(ValueError, match="must be 'mean' or 'batch', got 'sum'"):
        checked_out_time('sum')


class Timed(RealTime, nn.Module):
    """A backbone that takes event tensors of four steps of two channels."""

    T, step_channels = 4, 2


def test_a_model_takes_as_many_channels_as_its_backbone_tells() -> None:
    assert input_channels(nn.Sequential(nn.ReLU(), Timed())) == 8
    silent = Timed()
    silent.step_channels = None  # its time lies in the batch axis
    assert input_channels(silent) == 3
    assert input_channels(nn.ReLU(), default=1) == 1

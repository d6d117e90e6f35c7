"""Weights tell with which neurons and read-outs they were trained."""

import copy
import io
import pickle
import warnings

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import load_checkpoint, save_checkpoint
from torch import nn

from mmsfa.layers import make_spike_driven
from mmsfa.neurons import IF, LIF, SFA
from mmsfa.neurons.weight_settings import warn_of_unread


class Head(nn.Module):
    """A linear layer, its neuron, and a read-out of the name that heads give it."""

    def __init__(self, D=4, analog=None):
        super().__init__()
        self.fcs = nn.Linear(3, 4)
        self.fc_cls = nn.Linear(4, 2)
        if D:
            make_spike_driven(self, dict(type='mmpretrain.SFA', D=D), analog)


def load(model, weights, **kwargs):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter('always')
        model.load_state_dict(weights, **kwargs)
    return [str(w.message) for w in found]


def test_the_same_settings_load_in_silence():
    assert load(Head(), Head().state_dict()) == []
    assert load(nn.Sequential(LIF(T=2)), nn.Sequential(LIF(T=2)).state_dict()) == []
    assert load(SFA(norm=4), SFA(norm=4.0, grad_range='open', beta=0.5).state_dict()) == []


@pytest.mark.parametrize(
    ('there', 'here', 'words'),
    [
        (SFA(D=8), SFA(D=4), ['D=8, norm=8', 'D=4, norm=4']),
        (SFA(T=2, beta=0.5), SFA(T=2), ['beta=0.5', 'beta=0.25']),
        (SFA(rounding='half_up'), SFA(), ["rounding='half_up'", "rounding='half_even'"]),
        (LIF(T=4, tau=3.0), LIF(T=4), ['tau=3.0', 'tau=2.0']),
        (IF(v_threshold=0.5), IF(), ['v_threshold=0.5', 'v_threshold=1.0']),
        (LIF(T=2), SFA(T=2), ["neuron='LIF'", "neuron='SFA'"]),
    ],
)
def test_other_neurons_are_named_with_both_values(there, here, words):
    [message] = load(nn.Sequential(here), nn.Sequential(there).state_dict())
    assert all(word in message for word in words)


def test_read_outs_with_and_without_a_neuron_are_told_apart():
    [message] = load(Head(), Head(analog=()).state_dict())
    assert "trained with analog=[], this model has analog=['fc_cls']" in message
    assert len(load(Head(analog=()), Head().state_dict())) == 1


def test_weights_of_an_ordinary_network_are_named():
    messages = load(Head(), Head(D=None).state_dict())
    assert any('do not say' in message and "analog=['fc_cls']" in message for message in messages)
    spiking, ann = nn.Sequential(SFA(), SFA()), nn.Sequential(nn.ReLU(), nn.ReLU())
    assert len(set(load(spiking, ann.state_dict()))) == 1


def test_weights_without_metadata_are_not_judged():
    assert load(Head(), dict(Head(D=8, analog=()).state_dict())) == []


def test_a_file_of_mmengine_keeps_them(tmp_path):
    class Model(BaseModel):
        def __init__(self, D):
            super().__init__()
            self.head = Head(D)

        def forward(self):
            pass

    path = tmp_path / 'weights.pth'
    save_checkpoint({'state_dict': Model(8).state_dict(), 'meta': {}}, str(path))
    with pytest.warns(UserWarning, match='trained with D=8'):
        load_checkpoint(Model(4), str(path), map_location='cpu')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        load_checkpoint(Model(8), str(path), map_location='cpu')


def test_copies_and_pickles_keep_them():
    for model in (copy.deepcopy(Head()), pickle.loads(pickle.dumps(Head()))):
        assert len(load(model, Head(analog=()).state_dict())) == 1
    file = io.BytesIO()
    torch.save(Head(D=8).state_dict(), file)
    file.seek(0)
    assert load(Head(D=8), torch.load(file, weights_only=True)) == []


def test_an_ordinary_layer_in_the_place_of_a_spiking_one_warns() -> None:
    spiking = nn.Sequential(nn.Linear(2, 2), SFA(D=4), SFA(D=2))
    with pytest.warns(
        UserWarning, match=r"of 1 were trained with neuron='SFA', D=4.* ReLU there \(2"
    ):
        warn_of_unread(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.ReLU()), spiking.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        warn_of_unread(spiking, spiking.state_dict())
        warn_of_unread(nn.Sequential(nn.Linear(2, 2)), dict(spiking.state_dict()))

"""Weights fill the whole model, or are refused."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from mmsfa.checkpoint.loading.whole_model import load_whole
from mmsfa.errors import OptionError
from mmsfa.neurons import SFA


def net(D: int = 4) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), SFA(D=D))


def wrapped(state: OrderedDict) -> OrderedDict:
    """As a model behind DDP gives it."""
    found = OrderedDict((f'module.{key}', value) for key, value in state.items())
    found._metadata = {
        f'module.{name}' if name else 'module': one for name, one in state._metadata.items()
    }
    return found


@pytest.mark.parametrize('of', [lambda state: state, wrapped])
def test_all_weights_arrive_with_what_is_known_of_them(of) -> None:
    model, other = net(), net()
    load_whole(model, of(other.state_dict()), 'a.pth')
    assert torch.equal(model[0].weight, other[0].weight)
    with pytest.warns(UserWarning, match='trained with D=8, norm=8, this model has D=4'):
        load_whole(model, of(net(D=8).state_dict()), 'a.pth')


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda state: state.pop('0.bias'), r'it lacks 0\.bias \(1 weights'),
        (lambda state: state.update({'0.bias': torch.ones(3)}), r'has 0\.bias in another shape'),
        (lambda state: state.update({'0.gain': torch.ones(3)}), r'has 0\.gain, which the model'),
    ],
)
def test_other_weights_are_refused(change, said: str) -> None:
    state = net().state_dict()
    change(state)
    with pytest.raises(OptionError, match=rf'^a\.pth does not belong to this config: .*{said}'):
        load_whole(net(), state, 'a.pth')


def test_counters_may_be_missing_and_parts_of_others_are_left_out() -> None:
    state = net().state_dict()
    del state['1.num_batches_tracked']
    load_whole(net(), {**state, 'teacher.weight': torch.ones(3)}, 'a.pth')


class Detector(nn.Module):
    """With or without masks."""

    def __init__(self, masks: bool, layers: int = 2) -> None:
        super().__init__()
        self.roi_head = nn.Module()
        self.roi_head.bbox_head = nn.Sequential(*(nn.Linear(2, 2) for _ in range(layers)))
        if masks:
            self.roi_head.mask_head = nn.Linear(2, 2)


def test_a_detector_may_be_asked_for_boxes_alone() -> None:
    """As test-time augmentation does; fewer layers of a head are another model."""
    state = Detector(masks=True).state_dict()
    load_whole(Detector(masks=False), state, 'a.pth')
    with pytest.raises(OptionError, match=r'has roi_head\.bbox_head\.1\.weight, which the model'):
        load_whole(Detector(masks=True, layers=1), state, 'a.pth')
    with pytest.raises(OptionError, match=r'lacks roi_head\.mask_head\.weight'):
        load_whole(Detector(masks=True), Detector(masks=False).state_dict(), 'a.pth')

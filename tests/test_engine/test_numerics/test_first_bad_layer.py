"""Which tensors are not finite, and the first layer that gave one."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmsfa.engine.numerics.first_bad_layer import (
    first_bad_layer,
    is_finite,
    nan_of,
    non_finite_of,
    tensors_in,
)


def test_tensors_are_found_in_samples_and_boxes() -> None:
    scores, boxes = torch.rand(2), torch.rand(2, 4)
    instances = InstanceData(scores=scores, bboxes=HorizontalBoxes(boxes.clone()))
    loss = torch.rand(())
    found = list(tensors_in([dict(a=(loss, 3, 'x', None)), instances]))
    assert found[0] is loss and len(found) == 3
    (of_boxes,) = [tensor for tensor in found[1:] if tensor is not scores]  # in any order
    assert torch.equal(of_boxes, boxes)
    assert is_finite(instances)
    instances.bboxes.tensor[1, 2] = math.inf
    assert not is_finite([instances])


def test_only_what_holds_nan_or_infinity_is_named() -> None:
    tensors = dict(
        fine=torch.ones(3),
        large=torch.full((2,), 3e38),  # the sum overflows, no number does
        integer=torch.tensor([1 << 60, 1 << 60]),
        mask=torch.tensor([0, -math.inf]),
        opposite=torch.tensor([math.inf, -math.inf]),
        nan=torch.tensor([1, math.nan]),
        complex=torch.tensor([1j * math.nan]),
        none=None,
    )
    assert non_finite_of(tensors.items()) == ['mask', 'opposite', 'nan', 'complex']
    assert nan_of(tensors.items()) == ['nan', 'complex']


class Net(nn.Module):
    """A layer behind a mask, as in attention."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Linear(2, 2), nn.SyncBatchNorm(2)
        self.softmax, self.head = nn.Softmax(-1), nn.Linear(2, 1)
        self.register_buffer('mask', torch.tensor([0.0, -math.inf]))
        self.factor = 1.0
        self.ran: list[str] = []

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.stem(x)) * self.factor
        out = self.head(self.softmax(x + self.mask))
        self.ran.append('whole')
        return out


def poison(layer: str, name: str) -> Callable[[Net], None]:
    return lambda net: getattr(net.get_submodule(layer), name).data.fill_(math.nan)


@pytest.mark.parametrize(
    ('spoil', 'expected'),
    [
        (lambda net: None, None),  # a mask of infinities is no fault
        (poison('stem', 'weight'), 'stem (its own weight is not finite)'),
        (poison('norm', 'running_var'), 'norm (its own running_var is not finite)'),
        (lambda net: setattr(net, 'factor', math.nan), 'what is computed right before softmax'),
        (lambda net: net.stem.weight.data.fill_(3e38), 'stem (Linear)'),
    ],
)
def test_the_first_bad_layer(spoil: Callable[[Net], None], expected: str | None) -> None:
    net, x = Net(), torch.full((4, 2), 2.0)
    net.stem.bias.data.zero_()
    spoil(net)
    assert first_bad_layer(net, lambda: net(x)) == expected
    assert bool(net.ran) == (expected is None)  # it ends where the layer is found


def test_a_layer_behind_infinity_that_is_no_mask_is_not_blamed() -> None:
    net = Net()
    net.softmax = nn.Identity()
    message = first_bad_layer(net, lambda: net(torch.ones(4, 2)))
    assert message == 'what is computed right before softmax'


def test_the_model_is_left_as_it_was() -> None:
    net = Net().train()
    before = net.norm.running_mean.clone()

    def run() -> None:
        assert torch.is_grad_enabled() is False
        net(torch.ones(4, 2))  # training, SyncBatchNorm would ask the other processes
        raise ValueError('a head breaks on NaN')

    assert first_bad_layer(net, run) is None
    assert net.ran == ['whole']
    assert all(module.training for module in net.modules())
    assert torch.equal(net.norm.running_mean, before)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())

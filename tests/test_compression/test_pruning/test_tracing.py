"""A trace leaves the model as it was, and cuts what cannot be followed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmsfa.compression.pruning.tracing import outputs_of, trace
from mmsfa.compression.pruning.units import units_of
from mmsfa.layers.attention import SpikeProduct
from tests.helpers.small_models import classifier, detector, segmentor

IMAGE = torch.rand(1, 3, 64, 64, dtype=torch.float64)


def conv(width: int) -> nn.Conv2d:
    return nn.Conv2d(8, width, 1)


class Gate(SpikeProduct):
    """A product that nobody knows."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a.flip(1) * b


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.a, self.b, self.last = nn.Conv2d(3, 8, 1), conv(8), conv(8), conv(8)
        self.head = conv(2)
        self.gate = Gate()

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.head(self.last(self.gate(self.a(x), self.b(x))))


class Both(nn.Module):
    """What a layer gives leaves the model and is read by another."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 8, 1), conv(2)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.first(x)
        return [x, self.last(x)]


def state(model: nn.Module) -> list[Any]:
    return [
        [m.training for m in model.modules()],
        [p.requires_grad for p in model.parameters()],
        [sorted(vars(m)) for m in model.modules()],
        [list(m._forward_hooks) for m in model.modules()],
        {name: value.clone() for name, value in model.state_dict().items()},
    ]


def test_the_model_stays_as_it_was() -> None:
    model = detector()
    model.backbone.stages[0].train()
    model.backbone.stages[0].requires_grad_(False)
    before = state(model)
    trace(model, IMAGE)
    after = state(model)
    assert after[:4] == before[:4]
    assert all(torch.equal(after[4][name], value) for name, value in before[4].items())


def test_frozen_layers_are_followed() -> None:
    model = classifier(frozen_stages=2)
    names = [unit.name for unit in units_of(model, trace(model, IMAGE))]
    assert 'backbone.stages.0.0.conv1.conv' in names


@pytest.mark.parametrize('make', [detector, segmentor])
def test_outputs_are_those_of_all_heads(make: Any) -> None:
    model = make()
    with torch.no_grad():
        found = outputs_of(model, IMAGE)
    expected = {detector: 4 * 2 + 3, segmentor: 2}[make]  # RPN of 4 levels, boxes, masks
    assert len(found) == expected and all(one.isfinite().all() for one in found)


def test_an_unknown_product_keeps_what_it_reads() -> None:
    model = Gated()
    reasons = {u.name: u.reason for u in units_of(model, trace(model, torch.rand(1, 3, 4, 4)))}
    assert reasons['first'] is None and reasons['last'] is None
    assert all('output' in str(reasons[name]) for name in ('a', 'b', 'head'))


def test_a_layer_that_is_an_output_stays_whoever_reads_it() -> None:
    model = Both()
    first, _ = units_of(model, trace(model, torch.rand(1, 3, 4, 4)))
    assert first.name == 'first' and 'output' in str(first.reason)

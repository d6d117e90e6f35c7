"""Weights outside of layers that meet real values element by element are named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsfa.neurons import SFA
from mmsfa.spiking.measure.uncounted import uncounted

PROTOTYPES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'products, summed': lambda x, w: (x[:, None] * w[None]).sum(-1),
    'distance': torch.cdist,
    'squared differences': lambda x, w: (x.unsqueeze(1) - w).square().sum(-1),
    'cosine': lambda x, w: F.cosine_similarity(x[:, None], w[None], dim=-1),
    'product with normalised weights': lambda x, w: (x[:, None] * F.normalize(w)).sum(-1),
}
HARMLESS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'added': lambda x, w: x + w.sum(0),
    'a scale of each channel': lambda x, w: x * w[:1].flatten()[:1],
    'added positions': lambda x, w: x + w[: len(x)],
}


class Head(nn.Module):
    """Has a layer of its own, so that its parameter's name alone tells nothing."""

    def __init__(self, compute: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.fire = SFA()
        self.fc = nn.Linear(6, 6)
        self.prototypes = nn.Parameter(torch.randn(5, 6))
        self.compute = compute

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(self.fc(self.fire(x)), self.prototypes)


def named(compute: Callable[[Tensor, Tensor], Tensor]) -> list[str]:
    model = nn.Sequential(nn.Identity(), Head(compute)).eval()
    with torch.no_grad(), uncounted(model) as found:
        model(4 * torch.rand(3, 6))
    return found


@pytest.mark.parametrize('name', PROTOTYPES)
def test_a_matrix_of_weights_is_named(name: str) -> None:
    assert named(PROTOTYPES[name]) == ['1']


@pytest.mark.parametrize('name', HARMLESS)
def test_what_is_added_or_one_scale_is_not(name: str) -> None:
    assert named(HARMLESS[name]) == []

"""Linear layers, transposed convolutions and products of spikes in integer graphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mmsfa.errors import OptionError
from mmsfa.export.onnx.export import export_module, export_regions
from mmsfa.export.onnx.integer import to_integer
from mmsfa.export.onnx.runtime import Session
from mmsfa.neurons import SFA


class Product(nn.Module):
    """q times k transposed, of two maps of spikes."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k = SFA(), SFA(D=2, norm=2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, H, H)."""
        q, k = self.q(x).flatten(2), self.k(x + 1).flatten(2)
        return q @ k.transpose(-2, -1)


class Plain(nn.Module):
    """A product with a matrix, without bias."""

    def __init__(self) -> None:
        super().__init__()
        self.neuron, self.layer = SFA(), nn.Linear(6, 5, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, 6) -> (B, C * H, 5)."""
        return self.layer(self.neuron(x).flatten(1, 2))


LAYERS = {
    'linear': (lambda: nn.Sequential(SFA(), nn.Flatten(), nn.Linear(192, 5)), 1, 0),
    'two': (lambda: nn.Sequential(SFA(), nn.Linear(6, 8), SFA(D=8, norm=2), nn.Linear(8, 5)), 2, 0),
    'no bias': (Plain, 1, 0),
    'product': (Product, 0, 1),
    '2x2': (lambda: nn.Sequential(SFA(), nn.ConvTranspose2d(4, 8, 2, stride=2)), 2, 0),
    '3x3': (lambda: nn.Sequential(SFA(), nn.ConvTranspose2d(4, 5, 3, stride=3, bias=False)), 3, 0),
}


@pytest.mark.parametrize('name', LAYERS)
@torch.no_grad()
def test_bit_for_bit(bytes_exact: Callable, name: str) -> None:
    make, products, of_counts = LAYERS[name]
    module = bytes_exact(make()).eval()
    image = torch.randint(-60, 61, (2, 4, 8, 6)) / 16
    if name in ('2x2', '3x3'):
        graph = export_module(module, tuple(image.shape))
    else:  # a linear layer fixes the width, as a head of regions does
        graph = export_regions(module, ['out'], tuple(image.shape))
    integer = to_integer(graph)
    operators = Counter(node.op_type for node in integer.graph)
    assert operators['MatMulIntegerToFloat'] == products
    assert operators['MatMulInteger'] == of_counts
    (ours,) = Session(integer)(image)
    assert [out.name for out in integer.graph.outputs] == [out.name for out in graph.graph.outputs]
    assert torch.equal(ours, module(image)) and ours.unique().numel() >= 10


@pytest.mark.parametrize(
    'layer',
    [
        nn.ConvTranspose2d(4, 8, 3, stride=2),
        nn.ConvTranspose2d(4, 8, 2, stride=2, groups=2),
        nn.ConvTranspose2d(4, 8, 2, stride=2, padding=1),
        nn.ConvTranspose2d(4, 8, (2, 1), stride=(2, 1)),
        nn.ConvTranspose2d(4, 8, 2, stride=2, dilation=2),
    ],
    ids=str,
)
def test_what_stays_float(layer: nn.Module) -> None:
    graph = export_module(nn.Sequential(SFA(), layer).eval(), (1, 4, 8, 6))
    with pytest.raises(OptionError, match='some layer of an integer graph'):
        to_integer(graph)

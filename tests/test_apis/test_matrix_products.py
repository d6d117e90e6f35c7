"""The matrix products of a model are those that its layers compute."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmsfa.apis.matrix_products import MatrixProducts, Product
from mmsfa.errors import OptionError


class Net(nn.Module):
    """A convolution, a depthwise one, one of two groups, a linear layer and an attention."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(8, 16, 3, padding=1, groups=8)
        self.grouped = nn.Conv2d(16, 6, 1, groups=2)
        self.linear = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.grouped(self.depthwise(self.conv(x))).flatten(2).mT
        tokens = self.linear(tokens)
        return tokens @ (tokens.mT @ tokens)


def test_each_layer_is_a_product() -> None:
    products = MatrixProducts(Net(), torch.rand(2, 3, 8, 8))
    assert products.work == {
        Product(1, 8, 27, 32): 1,
        Product(2, 3, 8, 32): 1,
        Product(1, 32, 6, 5): 1,
        Product(2, 5, 16, 5): 1,
        Product(2, 16, 5, 5): 1,
    }
    multiplied = 8 * 27 * 32 + 2 * 3 * 8 * 32 + 32 * 6 * 5 + 2 * (5 * 16 * 5 + 16 * 5 * 5)
    assert products.operations == 2 * multiplied
    products(torch.rand(1))


def test_operations_are_those_that_pytorch_counts() -> None:
    net, image = Net(), torch.rand(2, 3, 8, 8)
    net.depthwise = nn.Conv2d(8, 16, 1)
    with FlopCounterMode(display=False) as counter:
        net(image)
    assert MatrixProducts(net, image).operations == counter.get_total_flops()


@pytest.mark.parametrize(('layer', 'shape', 'operations'), [
    (nn.ConvTranspose2d(8, 4, 2, stride=2), (1, 8, 6, 6), 2 * 36 * 8 * 4 * 4),
    (nn.ConvTranspose2d(8, 4, 2, stride=2, groups=2), (1, 8, 6, 6), 36 * 8 * 4 * 4),
    (nn.Conv2d(8, 1, 3), (2, 8, 6, 6), 2 * 2 * 16 * 8 * 9),
    (nn.Linear(8, 4), (1, 8), 2 * 8 * 4),
])  # fmt: skip
def test_so_is_one_that_goes_up_and_one_with_a_single_output(
    layer: nn.Module, shape: tuple, operations: int
) -> None:
    assert MatrixProducts(layer, torch.rand(shape)).operations == operations


def test_in_half_precision_nothing_is_converted() -> None:
    with torch.autocast('cpu', torch.bfloat16):
        products = MatrixProducts(Net(), torch.rand(2, 3, 8, 8))
    assert {work.dtype for work in products.work} == {torch.bfloat16}
    assert {x.dtype for pair in products.operands.values() for x in pair} == {torch.bfloat16}


@pytest.mark.parametrize('net', [nn.ReLU(), nn.Conv2d(3, 3, 1, groups=3)])
def test_a_model_without_any_is_refused(net: nn.Module) -> None:
    with pytest.raises(OptionError, match='no convolution or matrix product'):
        MatrixProducts(net, torch.rand(1, 3, 8, 8))

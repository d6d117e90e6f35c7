"""The matrix products of a model are those that its layers compute."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mmsfa.apis.matrix_products import MatrixProducts, Product
from mmsfa.errors import OptionError


class Net(nn.Module):
    """A convolution, a depthwise one, one of two groups, a linear layer and an attention."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.grouped = nn.Conv2d(8, 6, 1, groups=2)
        self.linear = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.grouped(self.depthwise(self.conv(x))).flatten(2).mT
        tokens = self.linear(tokens)
        return tokens @ (tokens.mT @ tokens)


def test_each_layer_is_a_product() -> None:
    products = MatrixProducts(Net(), torch.rand(2, 3, 8, 8))
    assert products.work == {
        Product(1, 8, 27, 32): 1,
        Product(2, 3, 4, 32): 1,
        Product(1, 32, 6, 5): 1,
        Product(2, 5, 16, 5): 1,
        Product(2, 16, 5, 5): 1,
    }
    multiplied = 8 * 27 * 32 + 2 * 3 * 4 * 32 + 32 * 6 * 5 + 2 * (5 * 16 * 5 + 16 * 5 * 5)
    assert products.operations == 2 * multiplied
    products(torch.rand(1))


def test_a_model_without_any_is_refused() -> None:
    with pytest.raises(OptionError, match='no convolution or matrix product'):
        MatrixProducts(nn.ReLU(), torch.rand(1, 3, 8, 8))

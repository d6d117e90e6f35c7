"""Layers that tell the weight that they multiply with, and layers that do not."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from mmcv.cnn import ConvModule
from mmcv.cnn.bricks import wrappers
from torch import Tensor, nn
from torch.nn.utils import parametrize

from mmsfa.layers.effective_weight import (
    as_plain,
    effective_weight,
    has_product,
    is_plain,
    weight_bits,
)
from mmsfa.layers.fold import fold


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 4, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_a_transform_that_is_not_told_is_left_alone(x: Tensor) -> None:
    class Secret(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return self._conv_forward(x, self.weight.sign(), self.bias)

    assert effective_weight(Secret(4, 4, 1)) is None and as_plain(Secret(4, 4, 1)) is None
    brick = ConvModule(4, 4, 1, norm_cfg=dict(type='BN')).double().eval()
    brick.conv = Secret(4, 4, 1, bias=False).double()
    brick.eval()
    assert torch.equal(fold(brick)(x), brick(x))


def test_a_weight_norm_tells_its_weight(x: Tensor) -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 3, 3)).double()
    plain = as_plain(layer)
    assert type(plain) is nn.Conv2d and torch.allclose(plain(x), layer(x), atol=1e-12)


def test_a_transformed_bias_becomes_a_parameter(x: Tensor) -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 3, 3)).double()
    parametrize.register_parametrization(layer, 'bias', nn.Softplus())
    plain = deepcopy(as_plain(layer))
    assert set(plain.state_dict()) == {'weight', 'bias'} == set(dict(plain.named_parameters()))
    assert torch.allclose(plain(x), layer(x), atol=1e-12)


@pytest.mark.filterwarnings('ignore:.*weight_norm')
def test_plain_is_what_only_multiplies_by_its_own_parameter() -> None:
    for layer in (nn.Linear(2, 2), nn.ConvTranspose2d(2, 2, 1), wrappers.Conv2d(2, 2, 1)):
        assert is_plain(layer) and effective_weight(layer) is layer.weight
    for computed in (
        nn.utils.weight_norm(nn.Linear(2, 2)),
        nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
        nn.ReLU(),
    ):
        assert not is_plain(computed)
    assert effective_weight(nn.utils.weight_norm(nn.Linear(2, 2))) is None


class Halved(nn.Conv2d):
    """Multiplies with half of its weights, of four bits each, and says so."""

    weight_bits = 4

    def effective_weight(self) -> Tensor:
        return self.weight / 2

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.effective_weight(), self.bias)


def test_a_plain_copy_keeps_geometry_bias_bits_and_hooks(x: Tensor) -> None:
    layer = Halved(4, 6, 3, stride=2, padding=1, groups=2).double()
    calls = []
    layer.register_forward_hook(lambda *_: calls.append(1))
    plain = as_plain(layer)
    assert type(plain) is nn.Conv2d and torch.equal(plain(x), layer(x)) and len(calls) == 2
    assert torch.equal(plain.weight, layer.weight / 2) and plain.bias is layer.bias
    assert weight_bits(plain) == weight_bits(layer) == 4
    assert weight_bits(nn.Linear(2, 2)) == 32


def test_a_plain_copy_of_a_plain_layer_shares_its_parameters() -> None:
    layer = wrappers.Conv2d(2, 2, 1)
    plain = as_plain(layer)
    assert type(plain) is wrappers.Conv2d and plain is not layer
    assert plain.weight is layer.weight and plain.bias is layer.bias


def test_what_multiplies_by_itself() -> None:
    head = nn.Sequential(nn.Linear(2, 2))
    head.tokens = nn.Parameter(torch.zeros(2, 3))
    attention, bilinear = nn.MultiheadAttention(4, 2), nn.Bilinear(2, 2, 2)
    products = [nn.Linear(2, 3), nn.Conv1d(2, 3, 1), attention, bilinear]
    others = [nn.Embedding(2, 3), nn.LayerNorm((2, 3)), nn.GroupNorm(1, 2), nn.PReLU(3), head]
    assert all(has_product(one) for one in products)
    assert not any(has_product(one) for one in others)
    head.mix_weight = nn.Parameter(torch.zeros(2, 3))
    assert has_product(head)

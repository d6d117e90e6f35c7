"""What no figure holds is named."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mmsfa.layers import RepConv, SpikeConv
from mmsfa.neurons import SFA
from mmsfa.spiking.measure.uncounted import not_run, uncounted

BRICK = dict(norm_cfg=dict(type='BN'), neuron_cfg=dict(type='mmpretrain.SFA'))


class Scores(nn.Module):
    """Multiplies its input with itself."""

    def forward(self, x: Tensor) -> Tensor:
        return x @ x.transpose(-2, -1)


class SquareConv(nn.Conv2d):
    """A layer that multiplies once more than it should."""

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return y @ y.transpose(-2, -1)


class SquareBrick(SpikeConv):
    """A brick that does."""

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return y @ y.transpose(-2, -1)


class Net(nn.Module):
    """Counted layers, a product in a list, which is never called, and a product of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.brick = SpikeConv(3, 4, 3, conv_cfg=None, **BRICK)
        self.rep = RepConv(4, 4, 6, conv_cfg=None, norm_cfg=BRICK['norm_cfg'])
        self.attend = nn.ModuleList([nn.Identity(), Scores()])
        self.products = 0

    def forward(self, x: Tensor) -> Tensor:
        x = self.rep(self.brick(x))
        for layer in self.attend:
            x = layer(x)
        for _ in range(self.products):
            x = torch.matmul(x, x)
        return x


def found_in(net: nn.Module, *size: int) -> list[str]:
    with torch.no_grad(), uncounted(net.eval()) as found:
        net(torch.rand(size) * 4)
    return found


def test_layers_that_nobody_watches_are_named() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm = nn.Linear(8, 8), nn.LayerNorm(8)
            self.attend, self.fire = nn.MultiheadAttention(8, 2), SFA()

        def forward(self, x: Tensor) -> Tensor:
            x = self.norm(self.first(x))
            return self.fire(self.attend(x, x, x)[0])

    assert found_in(Attends(), 3, 2, 8) == ['attend']


def test_who_multiplies_by_itself_is_named() -> None:
    net = Net()
    assert found_in(net, 1, 3, 5, 5) == ['attend.1'], 'no layer and no RepConv is among them'
    net.products = 1
    assert found_in(net, 1, 3, 5, 5) == ['Net', 'attend.1'], 'the model itself by its type'


@pytest.mark.parametrize(
    ('layer', 'named'),
    [
        (SquareConv(3, 4, 3), ['0']),
        (SquareBrick(3, 4, 3, **BRICK), ['0']),
        (nn.Conv2d(3, 4, 3, stride=2, groups=1), []),
        (nn.ConvTranspose2d(3, 6, 2, stride=2, groups=3), []),
        (SpikeConv(3, 4, 3, **BRICK), []),
        (nn.Sequential(SFA(), nn.Conv2d(3, 6, 3, groups=3, padding='same', dilation=2)), []),
    ],
)
def test_a_layer_that_does_more_than_its_product_is_named(
    layer: nn.Module, named: list[str]
) -> None:
    assert found_in(nn.Sequential(layer), 2, 3, 6, 6) == named


def test_spikes_that_enter_something_else_are_named_once() -> None:
    class Gates(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fire = SFA()

        def forward(self, x: Tensor) -> Tensor:
            fired = self.fire(x)
            return (fired * fired) @ fired.transpose(-2, -1)

    assert found_in(nn.Sequential(Gates()), 2, 3, 4, 4) == ['0']


def test_a_model_of_layers_alone_has_none() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), SFA(), nn.Flatten(), nn.Linear(16, 2))
    assert found_in(net, 1, 3, 2, 2) == []


def test_what_never_ran_is_named() -> None:
    net = nn.Sequential(
        nn.Linear(2, 2), SFA(), RepConv(2, 2, 4, conv_cfg=None, norm_cfg=BRICK['norm_cfg'])
    )
    assert not_run(net, {'1'}, {'0', '2'}) == []
    assert not_run(net, {}, {'0'}) == ['1', '2']


class Shared(nn.Module):
    """Two bricks with one convolution and norms of their own, as mmdet's RetinaSepBNHead has."""

    def __init__(self, second: type[nn.Module] = SpikeConv) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            [SpikeConv(3, 4, 3, conv_cfg=None, **BRICK), second(3, 4, 3, conv_cfg=None, **BRICK)]
        )
        self.levels[1].conv = self.levels[0].conv
        self.queries = nn.Parameter(torch.ones(1, 3, 8, 8))

    def forward(self, x: Tensor) -> Tensor:
        return sum(level(x + self.queries) + level(self.queries) for level in self.levels)


def test_a_layer_of_two_modules_is_counted_where_it_runs() -> None:
    assert found_in(Shared(), 1, 3, 8, 8) == []


def test_parameters_may_enter_a_module_as_they_are() -> None:
    """PyTorch's counter would ask for their gradients, which nobody computes here."""
    net = Shared()
    assert found_in(net, 1, 3, 8, 8) == [] and all(w.requires_grad for w in net.parameters())

"""What no figure holds is named."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmsfa.layers import RepConv, SpikeConv
from mmsfa.neurons import SFA
from mmsfa.spiking.measure.uncounted import uncounted_of, uncounted_products


class Scores(nn.Module):
    """Multiplies its input with itself."""

    def forward(self, x: Tensor) -> Tensor:
        return x @ x.transpose(-2, -1)


class Net(nn.Module):
    """Counted layers, a product in a list, which is never called, and a product of its own."""

    def __init__(self) -> None:
        super().__init__()
        cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN'))
        self.brick = SpikeConv(3, 4, 3, neuron_cfg=dict(type='mmpretrain.SFA'), **cfg)
        self.rep = RepConv(4, 4, 6, **cfg)
        self.attend = nn.ModuleList([nn.Identity(), Scores()])
        self.products = 0

    def forward(self, x: Tensor) -> Tensor:
        x = self.rep(self.brick(x))
        for layer in self.attend:
            x = layer(x)
        for _ in range(self.products):
            x = torch.matmul(x, x)
        return x


def test_layers_that_nobody_watches_are_named() -> None:
    net = nn.Sequential(nn.Linear(8, 8), nn.MultiheadAttention(8, 2), nn.LayerNorm(8), SFA())
    assert uncounted_of(net) == ['1']


@torch.no_grad()
def test_who_multiplies_by_itself_is_named() -> None:
    net, x = Net().eval(), torch.randn(1, 3, 5, 5)
    with uncounted_products(net) as found:
        net(x)
    assert found == ['attend.1'], 'no layer and no RepConv is among them'
    net.products = 1
    with uncounted_products(net) as found:
        net(x)
    assert found == ['Net', 'attend.1'], 'the model itself by its type'


@torch.no_grad()
def test_a_model_of_layers_alone_has_none() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), SFA(), nn.Flatten(), nn.Linear(16, 2)).eval()
    with uncounted_products(net) as found:
        net(torch.ones(1, 3, 2, 2))
    assert found == [] == uncounted_of(net)

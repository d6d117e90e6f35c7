"""A norm is in the weights of its convolution where the two run as one, and only there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmsfa.layers import SpikeConv
from mmsfa.neurons import SFA
from mmsfa.spiking import spike_inference
from mmsfa.spiking.inference.folded_bricks import FoldedBricks
from mmsfa.spiking.inference.spike_driven_pass import replace_synapses

CFG = dict(act_cfg=dict(type='mmpretrain.SFA'), norm_cfg=dict(type='BN'))
Fill = Callable[[nn.Module], nn.Module]


def brick(**options: object) -> ConvModule:
    return ConvModule(3, 3, 1, order=('act', 'conv', 'norm'), **{**CFG, **options})


class OwnForward(ConvModule):
    """A brick that normalises twice."""

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(super().forward(x))


class Net(nn.Module):
    """Two bricks and a way to run them."""

    def __init__(self, run: Callable[[Net, Tensor], Tensor], first: ConvModule) -> None:
        super().__init__()
        self.first, self.second, self.fire, self.run = first, brick(), SFA(), run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, x)


def shared_norm(net: Net, x: Tensor) -> Tensor:
    net.second.bn = net.first.bn
    return net.second(net.first(x)) + net.first.norm(x)


RUNS: dict[str, Callable[[Net, Tensor], Tensor]] = {
    'as it is': lambda net, x: net.second(net.first(x)),
    'without its norm': lambda net, x: net.second(net.first(x, norm=False)),
    'both ways': lambda net, x: net.first(x) + net.first(x, True, False) + net.first(x),
    'the convolution alone': lambda net, x: net.first.conv(net.fire(x)),
    'the parts one by one': lambda net, x: net.first.norm(net.first.conv(net.fire(x))),
    'the norm once more': lambda net, x: net.first.norm(net.second(net.first(x))),
    'a norm of two': shared_norm,
}


@pytest.mark.parametrize('name', RUNS)
@torch.no_grad()
def test_bricks_give_what_they_gave(name: str, lively_weights: Fill) -> None:
    net = lively_weights(Net(RUNS[name], brick())).double().eval()
    x = 4 * torch.randn(2, 3, 5, 5, dtype=torch.float64)
    want = net(x)
    with spike_inference(net):
        torch.testing.assert_close(net(x), want, rtol=0, atol=1e-12)
    assert not any('forward' in vars(module) for module in net.modules())


@torch.no_grad()
def test_a_brick_with_a_forward_of_its_own_is_not_folded(lively_weights: Fill) -> None:
    own = OwnForward(3, 3, 1, order=('act', 'conv', 'norm'), **CFG)
    net = lively_weights(Net(RUNS['as it is'], own)).double().eval()
    assert list(FoldedBricks(net).both) == [net.second.conv]
    x = 4 * torch.randn(2, 3, 5, 5, dtype=torch.float64)
    want = net(x)
    with spike_inference(net):
        torch.testing.assert_close(net(x), want, rtol=0, atol=1e-12)


@torch.no_grad()
def test_the_norm_of_a_brick_runs_no_more(lively_weights: Fill) -> None:
    cfg = dict(neuron_cfg=dict(type='mmpretrain.SFA'), norm_cfg=dict(type='BN'))
    spiking = lively_weights(SpikeConv(3, 4, 3, bias=True, **cfg)).double().eval()
    behind: list[tuple[Tensor, Tensor]] = []
    spiking.bn.register_forward_hook(lambda _norm, args, out: behind.append((args[0], out)))
    x = 3 * torch.randn(2, 3, 5, 5, dtype=torch.float64)
    with replace_synapses(spiking):
        spiking(x)
    (given, left) = behind.pop()
    assert left is given


@torch.no_grad()
def test_masked_statistics_are_those_of_the_norm(lively_weights: Fill) -> None:
    cfg = dict(neuron_cfg=dict(type='mmpretrain.SFA'), norm_cfg=dict(type='BN'))
    spiking = lively_weights(SpikeConv(3, 4, 3, **cfg)).double().eval()
    x = 3 * torch.randn(2, 3, 4, 4, dtype=torch.float64)
    visible = torch.rand(2, 1, 4, 4) < 0.5
    want = spiking(x, visible)
    with spike_inference(spiking):
        torch.testing.assert_close(spiking(x, visible), want, rtol=0, atol=1e-12)

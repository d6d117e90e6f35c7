"""New kinds of parts are counted, executed, folded and named by what they tell of themselves.

A ternary neuron, a gate that multiplies spikes with spikes and hands on spikes, and a convolution
that quantises its weights: none of them is known to `mmsfa.spiking` or `mmsfa.layers.fold`.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsfa.layers import SpikeConv
from mmsfa.layers.attention import SpikeProduct
from mmsfa.layers.effective_weight import weight_bits
from mmsfa.layers.fold import fold, folded
from mmsfa.neurons import SFA
from mmsfa.spiking import OperationCounter, StatisticsCounter, observe, spike_inference
from mmsfa.spiking.measure.emission import Emission
from mmsfa.spiking.measure.uncounted import uncounted
from tests.helpers.ternary_neuron import Ternary


class Gate(SpikeProduct):
    """One spike a token lets the values of the token through."""

    def forward(self, q: Tensor, v: Tensor) -> Tensor:
        return (q.sum(1, keepdim=True) > 0) * v

    def macs(self, q: Tensor, v: Tensor) -> int:
        return v.numel()

    def additions(self, q: Tensor, v: Tensor) -> Tensor:
        return self.sources[0].total_of(q, tuple(range(q.dim())))

    def stepwise(self, q: Tensor, v: Tensor) -> Tensor:
        return Gate.forward(self, q, v)


class Silent(nn.Module):
    """The same operation as `Gate`, without the contract."""

    def forward(self, q: Tensor, v: Tensor) -> Tensor:
        return (q.sum(1, keepdim=True) > 0) * v


class SignConv(nn.Conv2d):
    """A convolution that multiplies with the signs of its weights."""

    weight_bits = 1

    def effective_weight(self) -> Tensor:
        return torch.where(self.weight < 0, -1.0, 1.0).to(self.weight.dtype)

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.effective_weight(), self.bias)


class Net(nn.Module):
    """Ternary spikes, a gate, and a quantised brick behind it."""

    def __init__(self, gate: nn.Module | None = None) -> None:
        super().__init__()
        self.fire, self.fire_v = SFA(D=2, norm=1), Ternary()
        self.gate = gate or Gate()
        if gate is None:
            self.gate.reads(self.fire, self.fire_v, emitter=self.fire_v)
        self.conv = SignConv(4, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.last = nn.Sequential(SignConv(6, 2, 1), nn.BatchNorm2d(2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(self.gate(self.fire(x), self.fire_v(-x))))
        return self.last(x)


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    net = Net().eval().double()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return net


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 4, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_the_statistics_of_signed_spikes() -> None:
    net = nn.Sequential(Ternary(D=2, norm=1))
    counter = StatisticsCounter(net)
    with observe(net, neuron=counter.count):
        net(torch.tensor([[-2.0, 2.0, 0.0, 1.0]]))
    (layer,) = counter.layers()
    assert layer.firing_rate == pytest.approx(5 / 8) and layer.nonzero == 0.75
    assert layer.histogram == [0.25, 0, 0.25, 0.25, 0.25] and layer.dead_channels == 1
    assert layer.saturation == 0.5


def test_what_a_product_hands_on_is_spikes_for_the_next_layer(net: Net, x: Tensor) -> None:
    counter = OperationCounter(net)
    counter.attach()
    net(x)
    counter.detach()
    found = counter.layers()
    gated = net.gate(net.fire(x), net.fire_v(-x))
    ones = F.conv2d(net.fire_v.counts_of(gated).abs(), torch.ones(6, 4, 3, 3).double(), padding=1)
    assert found['conv'].acs == ones.sum().item() and found['conv'].analog_macs == 0
    assert found['gate'].acs == net.fire(x).sum().item() > 0
    assert found['last.0'].acs == 0 and found['last.0'].analog_macs > 0


@pytest.mark.parametrize('mode', ['spikes', 'stepwise_attention'])
def test_binary_steps_give_the_same(net: Net, x: Tensor, mode: str) -> None:
    expected = net(x)
    seen: list[Tensor] = []
    net.conv.register_forward_pre_hook(lambda _m, args: seen.append(Emission.of(args[0]).spikes))
    with spike_inference(net, mode), torch.no_grad():
        assert torch.allclose(net(x), expected, atol=1e-12)
    (spikes,) = seen
    assert spikes.dtype == torch.int8 and spikes.min() == -1


def test_an_effective_weight_is_folded(net: Net, x: Tensor) -> None:
    assert torch.allclose(fold(net)(x), net(x), atol=1e-12)
    kinds = [type(m) for m in fold(net).modules() if isinstance(m, nn.Conv2d)]
    assert kinds == [nn.Conv2d, nn.Conv2d]
    both = folded(net.conv, net.norm)
    assert torch.allclose(both(x), net.norm(net.conv(x)), atol=1e-12)
    assert type(net.conv) is SignConv and weight_bits(net.conv) == 1
    assert weight_bits(nn.Linear(2, 2).half()) == 16


def test_the_brick_folds_a_quantised_convolution(x: Tensor) -> None:
    brick = SpikeConv(4, 5, 3, neuron_cfg=dict(type='mmpretrain.SFA'), norm_cfg=dict(type='BN'))
    brick.conv = SignConv(4, 5, 3, padding=1, bias=False)
    brick = brick.double().eval()
    with torch.no_grad():
        assert torch.allclose(brick(x), brick.norm(brick.conv(brick.activate(x))), atol=1e-12)


def test_a_product_without_a_contract_is_named(net: Net, x: Tensor) -> None:
    with uncounted(net) as found, torch.no_grad():
        net(x)
    assert found == []

    class Owner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fire, self.silent = SFA(), Silent()

        def forward(self, x: Tensor) -> Tensor:
            return self.silent(self.fire(x), self.fire(x))

    model = Owner()
    with uncounted(model) as found, torch.no_grad():
        model(x)
    assert found == ['silent']

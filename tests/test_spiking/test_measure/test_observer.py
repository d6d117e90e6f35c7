"""Who is watched, under which name, and what a watcher hears."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mmsfa.layers import RepConv
from mmsfa.layers.attention import SpikeProduct
from mmsfa.layers.attention.spike_driven import SpikeDrivenProduct
from mmsfa.neurons import SFA
from mmsfa.spiking import observe
from mmsfa.spiking.measure.emission import Emission
from mmsfa.spiking.measure.observer import (
    instance_attribute,
    merged_synapses_of,
    neurons_of,
    observation_paused,
    products_of,
    synapses_of,
)


class Gate(SpikeProduct):
    """The product of two maps of spikes."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b


class Net(nn.Module):
    """Two neurons, a gate of what they fire, and two layers behind it."""

    def __init__(self, emits: bool = True) -> None:
        super().__init__()
        self.fire, self.other = SFA(D=1), SFA(D=1)
        self.gates = nn.ModuleDict(dict(one=Gate()))
        self.gates['one'].reads(self.fire, self.other, emitter=self.fire if emits else None)
        self.conv = nn.Conv2d(2, 3, 1)
        self.rep = RepConv(3, 2, 4, conv_cfg=None, norm_cfg=dict(type='BN'))

    def forward(self, x: Tensor) -> Tensor:
        return self.rep(self.conv(input=self.gates['one'](self.fire(x), self.other(x + 1))))


@pytest.fixture
def heard() -> list[tuple]:
    return []


@pytest.fixture
def watchers(heard: list[tuple]) -> dict[str, Callable]:
    """They write down the name, and whether what arrives or leaves is spikes."""

    def synapse(name: str, layer: nn.Module, x: Tensor, output: Tensor) -> None:
        heard.append((name, Emission.of(x) is not None))

    def product(name: str, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        heard.append((name, all(Emission.of(x) is not None for x in inputs)))

    def neuron(name: str, layer: nn.Module, output: Tensor) -> None:
        heard.append((name, Emission.of(output).neuron is layer))

    return dict(neuron=neuron, synapse=synapse, product=product)


def test_parts_by_name() -> None:
    net = Net()
    assert list(neurons_of(net)) == ['fire', 'other']
    assert list(synapses_of(net)) == ['conv', 'rep.conv1.conv', 'rep.conv2.conv']
    assert merged_synapses_of(net) == {'conv': net.conv, 'rep': net.rep}


def test_a_product_has_the_name_of_its_owner_unless_it_shares_it() -> None:
    net = nn.ModuleDict(dict(attn=nn.ModuleDict(dict(product=Gate()))))
    assert products_of(net) == {'attn': net['attn']['product']}
    net['attn']['second'] = Gate()
    assert list(products_of(net)) == ['attn.product', 'attn.second']
    assert list(products_of(nn.ModuleDict(dict(alone=Gate())))) == ['alone']


@pytest.mark.parametrize('emits', [True, False])
def test_everybody_is_heard_in_the_order_of_execution(
    watchers: dict[str, Callable], heard: list[tuple], emits: bool
) -> None:
    net, x = Net(emits).eval(), torch.ones(1, 2, 3, 3)
    with observe(net, **watchers):
        net(x)
    assert heard == [
        ('fire', True),
        ('other', True),
        ('gates', True),
        ('conv', emits),  # what the gate hands on is spikes if it says so
        ('rep', False),
    ]
    net(x)
    assert len(heard) == 5, 'nobody listens any more'
    assert not any(m._forward_hooks for m in net.modules())


def test_a_pause_is_silent_and_spikes_are_marked_all_the_same(
    watchers: dict[str, Callable], heard: list[tuple]
) -> None:
    net, x = Net().eval(), torch.ones(1, 2, 3, 3)
    with observe(net, **watchers):
        with observation_paused():
            net(x)
            assert Emission.of(net.fire(x)) is not None
        assert heard == []
        net(x)
    assert len(heard) == 5


def test_an_attribute_comes_back_as_it_was() -> None:
    layer = nn.ReLU()
    layer.label = 'mine'
    with pytest.raises(KeyError, match='True'), instance_attribute(layer, 'label', 'theirs'):
        raise KeyError(layer.label == 'theirs')
    assert layer.label == 'mine'
    with instance_attribute(layer, 'forward', torch.neg):
        assert layer(torch.ones(1)).item() == -1
    assert 'forward' not in vars(layer) and layer(torch.ones(1)).item() == 1


def test_the_old_name_of_product_works_with_a_warning() -> None:
    seen = []
    product = SpikeDrivenProduct(0.5)
    with (
        pytest.warns(DeprecationWarning, match='attention of observe is now product'),
        observe(nn.Sequential(product), attention=lambda name, *_rest: seen.append(name)),
    ):
        product(*torch.zeros(3, 1, 1, 2, 4))
    assert seen == ['0']

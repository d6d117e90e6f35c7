"""Operations against hand counts, brute force and an independent counter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmdet.models.layers import NormedLinear
from mmengine.config import Config
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from mmsfa.apis.trained_model import build_model
from mmsfa.backbones import ESpikeFormer
from mmsfa.layers import make_spike_driven
from mmsfa.layers.attention.spike_driven import SpikeDrivenProduct
from mmsfa.model_parts import DensePart
from mmsfa.neurons import SFA
from mmsfa.neurons.functional import spike_train
from mmsfa.spiking import EnergyCosts, OperationCounter, Operations, observe, spike_inference
from mmsfa.spiking.measure.fan_out import macs

Fill = Callable[[nn.Module], nn.Module]


def operations(model: nn.Module, x: Tensor) -> dict[str, Operations]:
    counter = OperationCounter(model)
    counter.attach()
    with torch.no_grad():
        model(x)
    counter.detach()
    return counter.layers()


def test_a_small_net_by_hand() -> None:
    """Image 1 x 1 x 3 x 3 -> 3x3 conv (2 channels) -> neuron -> 1x1 conv (4) -> linear (5)."""
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, bias=False),
        SFA(D=4),
        nn.Conv2d(2, 4, 1, bias=False),
        nn.Flatten(),
        SFA(D=4, norm=1),
        nn.Linear(36, 5),
    )
    with torch.no_grad():
        net[0].weight.zero_()[:, 0, 1, 1] = torch.tensor([1.0, 2.0])  # hands the pixel on, doubled
        net[2].weight.fill_(1)  # sums both channels, in counts / 4
    x = torch.tensor([[0.0, 1, 2], [3, 4, 5], [0, 0, 0]])[None, None]
    found = operations(net, x)
    # channel 0 fires 0 1 2 3 4 4 = 14, channel 1 0 2 4 4 4 4 = 18 spikes; four outputs each
    assert found['0'] == Operations(macs=9 * 2 * 9, analog_macs=9 * 2 * 9, acs=0)
    assert found['2'] == Operations(macs=9 * 4 * 2, analog_macs=0, acs=(14 + 18) * 4)
    # sums / 4: 0 .75 1.5 1.75 2 2 -> 0 1 2 2 2 2 = 9 spikes in each of four channels
    assert found['5'] == Operations(macs=36 * 5, analog_macs=0, acs=9 * 4 * 5)
    energy = EnergyCosts().spiking_mj(9 * 2 * 9, 32 * 4 + 36 * 5)
    assert energy == pytest.approx((162 * 4.6 + 308 * 0.9) * 1e-9)


def test_attention_by_executing_every_binary_step() -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randint(0, 5, (2, 3, c, 7)).double() for c in (4, 4, 6))
    expected = 0.0
    for k_step in spike_train(k, 4):
        for v_step in spike_train(v, 4):
            expected += (v_step @ k_step.transpose(-2, -1)).sum().item()  # ones that are added
    for q_step in spike_train(q, 4):
        expected += q_step.sum().item() * 6
    for norm in (1, 3, 4):
        product = SpikeDrivenProduct(scale=1.0)
        product.reads(*[SFA(D=4, norm=norm)] * 3)
        assert product.additions(q / norm, k / norm, v / norm).item() == expected
    # two dense products of 4 x 7 x 6 for each of 2 x 3 heads
    assert product.macs(q, k, v) == 2 * (2 * 3) * 4 * 7 * 6


def small_head() -> nn.Module:
    head = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, groups=1),
        nn.ConvTranspose2d(8, 4, 3, stride=2),
        nn.Conv2d(4, 4, 5, dilation=2, groups=4),
        nn.Flatten(),
        nn.Linear(4 * 57 * 57, 10),
    )
    make_spike_driven(head, dict(type='mmpretrain.SFA', norm=1))
    return head.eval()


NETS = {
    'head': lambda build: small_head(),
    'backbone': lambda build: ESpikeFormer('tiny', neuron_cfg=dict(type='mmpretrain.SFA', D=8)),
    'detector': lambda build: DensePart(build('det/mask_rcnn_esf_demo')),
    'segmentor': lambda build: DensePart(build('seg/upernet_esf_demo')),
    'classifier': lambda build: DensePart(build('cls/esf_tiny_flowers5')),
}


class BinarySteps(TorchFunctionMode):
    """Executes every binary map once more with weights of 1: each product is an addition."""

    def __init__(self) -> None:
        self.total = 0.0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        x = args[0] if args else None
        if function in (F.conv2d, F.conv_transpose2d, F.linear) and ((x == 0) | (x == 1)).all():
            _, weight, _, *others = (*args, *(kwargs or {}).values())
            self.total += function(x, torch.ones_like(weight), None, *others).sum().item()
        return function(*args, **(kwargs or {}))


@pytest.fixture(params=['brute force', 'spikingjelly'])
def count_additions(request: pytest.FixtureRequest) -> Callable[[nn.Module, Tensor], float]:
    """Additions of every layer (but not of attention) in a spike-driven pass, counted by others."""

    def brute_force(net: nn.Module, x: Tensor) -> float:
        with torch.no_grad(), spike_inference(net), BinarySteps() as steps:
            net(x)
        return steps.total

    def spikingjelly(net: nn.Module, x: Tensor) -> float:
        counter = op_counter.SynOpCounter()
        with torch.no_grad(), spike_inference(net), op_counter.DispatchCounterMode([counter]):
            net(x)
        return counter.get_total()

    if request.param == 'brute force':
        return brute_force
    op_counter = pytest.importorskip('spikingjelly.activation_based.op_counter')
    return spikingjelly


@pytest.mark.slow
@pytest.mark.parametrize('name', NETS)
def test_others_count_the_same(
    repo_dir: Path, lively_weights: Fill, name: str, count_additions
) -> None:
    """They look at every binary map of a spike-driven pass; we count on the integer pass."""

    def build(config: str) -> nn.Module:
        return build_model(Config.fromfile(repo_dir / f'configs/{config}.py'))

    torch.manual_seed(0)
    net = lively_weights(NETS[name](build)).double().eval()
    x = torch.rand(1, 3, 64, 64, dtype=torch.float64) + 0.5
    ours = operations(net, x)
    attention = sum(one.acs for key, one in ours.items() if key.endswith('attn'))
    assert count_additions(net, x) == sum(one.acs for one in ours.values()) - attention > 0
    assert (attention > 0) == (name != 'head')


def test_inference_mode_counts_the_same(lively_weights: Fill) -> None:
    net = lively_weights(small_head())
    x = torch.rand(1, 3, 64, 64)
    expected = operations(net, x)
    with torch.inference_mode():
        assert operations(net, x) == expected
        with spike_inference(net):
            net(x)


def test_a_simulation_counts_each_spike_once(lively_weights: Fill) -> None:
    """The passes of the membrane simulation are one inference."""
    net = lively_weights(ESpikeFormer(dict(channels=(8, 8, 16, 16))).eval())
    x = torch.rand(1, 3, 64, 64)
    plain = operations(net, x)
    with spike_inference(net, 'membrane'):
        simulated = operations(net, x)
    assert simulated.keys() == plain.keys()
    assert all(simulated[name].macs == plain[name].macs for name in plain)
    acs = [sum(one.acs for one in ops.values()) for ops in (simulated, plain)]
    assert 0 < acs[0] < 2 * acs[1]


@pytest.mark.parametrize(
    ('arch', 'mean_count', 'published'), [('10m', 0.80, 3.0), ('19m', 0.88, 5.9)]
)
def test_published_energies(arch: str, mean_count: float, published: float) -> None:
    """E = 4.6 pJ x MACs of the first layer + 0.9 pJ x MACs of the others x mean count."""
    backbone = ESpikeFormer(arch, out_indices=(4,)).eval()
    dense: dict[str, int] = {}

    def count(name: str, layer: nn.Module, x: Tensor, output: Tensor) -> None:
        dense[name] = macs(layer, x, output)

    with torch.no_grad(), observe(backbone, synapse=count):
        backbone(torch.zeros(1, 3, 224, 224))
    first = dense.pop('downsample_layers.0.conv')
    others = sum(dense.values()) + 1000 * backbone.out_channels[0]  # and the classifier
    energy = (4.6 * first + 0.9 * mean_count * others) * 1e-9
    assert energy == pytest.approx(published, rel=0.03)


@torch.no_grad()
def test_a_layer_that_cannot_take_single_spikes_keeps_its_macs() -> None:
    net = nn.Sequential(SFA(), NormedLinear(8, 4), SFA(), nn.Linear(4, 2)).eval()
    counter = OperationCounter(net)
    counter.attach()
    net(torch.rand(1, 8) * 4)
    first, last = counter.layers().values()
    assert (first.macs, first.analog_macs, first.acs) == (32, 32, 0)
    assert last.macs == 8 and last.analog_macs == 0
    assert counter.nonlinear == {'1'}

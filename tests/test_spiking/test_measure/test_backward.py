"""Gradients that are not zero, and the operations that follow, counted in any model."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from mmcv.cnn import ConvModule
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from torch import Tensor, nn

from mmsfa.apis.trained_model import build_model
from mmsfa.neurons import LIF, SFA
from mmsfa.spiking.measure.backward import BackwardCounter
from mmsfa.spiking.measure.energy import EnergyCosts
from mmsfa.spiking.measure.firing_rate import FiringRateCounter
from tests.helpers.lively import lively_weights
from tests.helpers.small_models import CONFIGS, classifier


def counted(model: nn.Module, step: Callable[[], Tensor]) -> BackwardCounter:
    before = hooks_of(model)
    counter = BackwardCounter(model)
    counter.attach()
    step().backward()
    counter.detach()
    assert hooks_of(model) == before
    return counter


def hooks_of(model: nn.Module) -> list[tuple[int, int]]:
    return [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]


def test_it_equals_a_count_by_hand() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), SFA(D=4, grad_mask='fired'), nn.Linear(4, 5), nn.ReLU())
    x = torch.randn(7, 3)
    counter = counted(net, lambda: net(x).sum())
    potential = net[0](x)
    counts = net[1](potential) * 4
    positive = net[2](counts / 4) > 0
    # ReLU leaves the ones of the sum where it is positive; each of them reaches a whole row
    fires = (counts > 0) & (potential <= 4) & positive.any(1, keepdim=True)
    at_first, at_second = (mask.sum().item() / mask.numel() for mask in (fires, positive))
    assert counter.shares() == {'1': at_first, '3': at_second, '0': at_first, '2': at_second}
    assert list(counter.shares()) == ['1', '3', '0', '2']
    first, second = 7 * 3 * 4, 7 * 4 * 5
    spikes = counts.sum().item() * 5
    step = counter.step()
    assert step.macs == 2 * first + 3 * second  # the picture gets no gradient
    real = first + first * at_first + second * at_second
    assert step.analog_macs == pytest.approx(real)
    assert step.acs == pytest.approx(spikes + spikes * at_second)
    costs = EnergyCosts(10.0, 1.0)
    assert step.energy_mj(costs) == pytest.approx((10 * step.analog_macs + step.acs) * 1e-9)
    assert step.dense_mj(costs) == pytest.approx(10 * step.macs * 1e-9)


@pytest.mark.parametrize('T', [1, 3])
@pytest.mark.parametrize('kind', [LIF, SFA])
def test_with_a_mask_the_share_is_what_fires(kind, T) -> None:
    neuron = kind(T=T, grad_mask='fired_cut', **({} if kind is SFA else dict(surrogate='atan')))
    x = torch.rand(30, 50).mul_(3).requires_grad_()
    counter = counted(neuron, lambda: neuron(x).sum())
    assert counter.share_of_activations() == neuron(x).count_nonzero().item() / x.numel()
    if kind is LIF:
        rates = FiringRateCounter(neuron)
        rates.attach()
        neuron(x)
        rates.detach()
        assert counter.share_of_activations() == pytest.approx(rates.rates()['mean'])


def test_only_the_gradient_through_the_activation_counts() -> None:
    class Shortcut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.neuron = nn.Linear(4, 4), SFA(grad_mask='fired')

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            return x + self.neuron(x - 1)

    net, x = Shortcut(), torch.randn(20, 4)
    counter = counted(net, lambda: net(x).sum())
    assert counter.shares()['neuron'] < 0.5 and counter.shares()['conv'] == 1.0


def loss_of_detector(model: nn.Module) -> Callable[[], Tensor]:
    torch.manual_seed(0)
    data = demo_mm_inputs(1, [[3, 64, 64]], num_classes=2, with_mask=True, num_items=[2])
    data = model.data_preprocessor(data, training=True)

    def step() -> Tensor:
        torch.manual_seed(1)
        return model.parse_losses(model(**data, mode='loss'))[0]

    return step


@pytest.mark.parametrize(
    'neuron', [dict(type='mmpretrain.SFA', D=4, grad_mask='fired'), dict(type='ReLU')]
)
def test_a_mask_rcnn_trains_as_without(neuron: dict) -> None:
    cfg = Config.fromfile(CONFIGS / 'det/mask_rcnn_esf_demo.py')
    cfg.model.backbone.arch.depths = (1, 0, 0, 1, 0)
    cfg.model.backbone.neuron_cfg = neuron
    model = lively_weights(build_model(cfg)).train()
    twin = deepcopy(model)
    counter = counted(model, loss_of_detector(model))
    loss_of_detector(twin)().backward()
    for (name, mine), theirs in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert (mine.grad is None) == (theirs.grad is None), name
        assert mine.grad is None or torch.equal(mine.grad, theirs.grad), name
    shares = counter.shares()
    assert all(0 <= share <= 1 for share in shares.values())
    for part in ('backbone', 'neck', 'rpn_head', 'roi_head.bbox_head', 'roi_head.mask_head'):
        assert any(name.startswith(part) for name in shares), part
    acts = [shares[name] for name in counter.activations if name in shares]
    assert len(acts) > 5 and 0 < counter.share_of_activations() < 0.9
    step = counter.step()
    assert 0 < step.energy_mj(EnergyCosts()) < step.dense_mj(EnergyCosts())
    assert step.acs > 0  # heads and neck are spike-driven in both


def test_frozen_layers_and_products() -> None:
    model = classifier(neuron_cfg=dict(type='mmpretrain.SFA', D=4)).float().train()
    x = torch.randn(2, 3, 32, 32)

    def step() -> Tensor:
        return sum(out.square().sum() for out in model.extract_feat(x))

    whole = counted(model, step)
    products = [name for name in whole.shares() if name.endswith('attn')]
    assert products
    for weight in model.backbone.downsample_layers[0].parameters():
        weight.requires_grad_(False)
    frozen = counted(model, step)
    assert frozen.step().macs < whole.step().macs
    assert len(frozen.shares()) < len(whole.shares())


def test_a_model_that_learns_nothing_has_no_share() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    counter = BackwardCounter(net)
    counter.attach()
    with torch.no_grad():
        net(torch.randn(2, 3))
    counter.detach()
    assert counter.shares() == {} and counter.share_of_activations() is None
    assert counter.step().macs == 24


def test_an_activation_may_overwrite_its_input() -> None:
    net = nn.Sequential(ConvModule(3, 4, 3), ConvModule(4, 5, 1))  # ReLU in place
    twin, x = deepcopy(net), torch.randn(2, 3, 8, 8)
    counter = counted(net, lambda: net(x).square().sum())
    twin(x).square().sum().backward()
    for mine, theirs in zip(net.parameters(), twin.parameters(), strict=True):
        assert torch.equal(mine.grad, theirs.grad)
    shares = counter.shares()
    assert shares['0.activate'] == shares['0.conv'] and 0 < shares['1.activate'] < 1

"""A BN that no convolution takes over, such as behind a map, in every form of inference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.apis.trained_model import build_model, picture_loader
from mmsfa.backbones import ESpikeFormer
from mmsfa.layers import SpikeConv
from mmsfa.layers.fold import fold
from mmsfa.neurons import SFA
from mmsfa.spiking import (
    FiringRateCounter,
    OperationCounter,
    compare,
    in_float64,
    spike_inference,
    streaming,
)
from mmsfa.spiking.measure.uncounted import uncounted
from tests.helpers.real_time_models import counts_of

Fill = Callable[[nn.Module], nn.Module]
T, B, C = 3, 2, 2
ARCH = dict(channels=(8, 16, 16, 24), depths=(1, 1, 1, 1, 1))
NEURON = dict(type='mmpretrain.SFA', D=4)


def frames() -> Tensor:
    """(T, B, C, H, W)."""
    draw = torch.Generator().manual_seed(0)
    return torch.randn(T, B, C, 64, 64, generator=draw, dtype=torch.float64)


def assert_same_counts(one: dict[str, list[Tensor]], other: dict[str, list[Tensor]]) -> None:
    assert one.keys() == other.keys()
    for name, calls in one.items():
        assert all(torch.equal(a, b) for a, b in zip(calls, other[name], strict=True)), name
        assert any(counts.any() for counts in calls), name


# Streaming


@pytest.mark.parametrize('neuron', [NEURON, dict(type='mmpretrain.LIF', v_threshold=0.5)])
@pytest.mark.parametrize('out_time', ['mean', 'batch'])
@torch.no_grad()
def test_streamed_maps_are_the_batched_ones(
    lively_weights: Fill, neuron: dict, out_time: str
) -> None:
    def build(steps: int) -> nn.Module:
        cfg = dict(T=steps, in_channels=C, neuron_cfg=neuron, out_time=out_time)
        model = ESpikeFormer(ARCH, out_indices=(1, 4), out_norm=True, **cfg)
        return lively_weights(model.eval()).double()

    x = frames()
    with streaming(model := build(T)):
        streamed = [model(step) for step in x]
    for t in range(1, T + 1):
        whole = build(t)(x[:t].transpose(0, 1).flatten(1, 2))
        for got, want in zip(streamed[t - 1], whole, strict=True):
            torch.testing.assert_close(got, want[-B:], rtol=0, atol=1e-12)


def test_a_streamed_classifier_counts_as_the_batched_one(lively_weights: Fill) -> None:
    """Its head fires on the normed maps."""
    cfg = dict(
        type='ImageClassifier',
        backbone=dict(
            type='ESpikeFormer', arch=ARCH, in_channels=C, out_indices=(4,), T=T, out_norm=True
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='SpikeLinearClsHead', num_classes=5, in_channels=24, analog=(), neuron_cfg=NEURON
        ),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = lively_weights(MODELS.build(cfg).eval()).double()
    x = frames()
    whole = counts_of(model, x.transpose(0, 1).flatten(1, 2))
    for forms in ([streaming(model)], [streaming(model), spike_inference(model)]):
        for form in forms:
            form.__enter__()
        streamed = counts_of(model, *x)
        for form in reversed(forms):
            form.__exit__(None, None, None)
        head = 'head.fc.neuron'
        assert len(streamed[head]) == T
        streamed[head] = streamed[head][-1:]  # of the mean over all steps
        assert_same_counts(whole, {name: [torch.cat(c)] for name, c in streamed.items()})


# Spikes


@pytest.mark.slow
def test_every_count_and_box_of_a_detector_is_the_same_on_spikes(
    repo_dir: Path, shapes_dir: Path, lively_weights: Fill
) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/det/mask_rcnn_esf_demo.py')
    cfg.model.backbone.update(
        arch=dict(channels=(24, 48, 96, 128), depths=(1, 1, 0, 1, 0)), out_norm=True
    )
    cfg.test_dataloader.dataset.data_root = str(shapes_dir)
    model = lively_weights(build_model(cfg))
    assert len(model.backbone.out_norms) == 4
    with in_float64(model):
        found = compare(model, picture_loader(cfg, 1))
    assert found.identical and found.predictions.total > 0
    assert sum(layer.counts for layer in found.layers) > 1e6


# Membrane: a share of every shift arrives with each step


def steady(kind: str) -> nn.Module:
    """Everything in front of the only neuron is linear, so its charge comes in equal parts."""
    if kind == 'conv':
        return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), SFA())
    if kind == 'two norms':
        return nn.Sequential(
            nn.BatchNorm2d(3), nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.BatchNorm2d(8), SFA()
        )
    if kind == 'linear':
        return nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.BatchNorm1d(8), SFA())
    arch = dict(channels=(16, 16, 16, 16), depths=(0, 0, 0, 0, 0))
    backbone = ESpikeFormer(arch, out_indices=(0,), out_norm=True)
    return nn.Sequential(backbone, First(), SFA())


class First(nn.Module):
    """The first of several maps."""

    def forward(self, x: tuple[Tensor, ...]) -> Tensor:
        return x[0]


@pytest.mark.parametrize('kind', ['conv', 'two norms', 'linear', 'backbone'])
@torch.no_grad()
def test_a_steady_charge_counts_as_the_integer_does(lively_weights: Fill, kind: str) -> None:
    """A shift that came whole in each step would fire first and never be taken back."""
    model = lively_weights(steady(kind)).double().eval()
    x = 2 * torch.randn(8, 3, 8, 8, dtype=torch.float64)
    integer = counts_of(model, x)
    with spike_inference(model, 'membrane'):
        membrane = counts_of(model, x)
    assert_same_counts(integer, membrane)
    (counts,) = (calls[0] for calls in integer.values())
    assert len(counts.unique()) == 5


class SharedConv(nn.Module):
    """Two BN behind one convolution, as in mmdet's RTMDetSepBNHead: neither can be folded."""

    def __init__(self) -> None:
        super().__init__()
        cfg = dict(neuron_cfg=NEURON, norm_cfg=dict(type='BN'))
        self.levels = nn.ModuleList([SpikeConv(3, 3, 3, **cfg) for _ in range(2)])
        self.levels[1].conv = self.levels[0].conv
        self.last = SFA()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.levels[1](self.levels[0](x)))


def unshared(model: SharedConv) -> nn.Module:
    """The same with a convolution for each BN, so that both are folded."""
    other = SharedConv()
    other.levels[1].conv = nn.Conv2d(3, 3, 3, padding=1, bias=False)
    other.load_state_dict(model.state_dict())
    return other.double().eval()


@torch.no_grad()
def test_norms_that_share_a_convolution(lively_weights: Fill) -> None:
    model = lively_weights(SharedConv().double()).eval()
    x, found = 2 * torch.randn(4, 3, 8, 8, dtype=torch.float64), []
    for form in (model, unshared(model)):
        with spike_inference(form, 'membrane'):
            found.append(counts_of(form, x))
    assert_same_counts(*found)
    assert not torch.equal(found[0]['last'][0], counts_of(model, x)['last'][0]), 'approximate'


@torch.no_grad()
def test_merged_and_unmerged_convolutions_charge_the_same(lively_weights: Fill) -> None:
    """The third BN of a RepConv stands alone until it is merged."""
    arch = dict(family='large', channels=(16, 24, 32), depths=(1, 1, 1, 2))
    model = lively_weights(ESpikeFormer(arch, out_indices=(1, 3), out_norm=True)).double().eval()
    merged, x, found = fold(model), torch.randn(1, 3, 64, 64, dtype=torch.float64), []
    for form in (model, merged):
        with spike_inference(form, 'membrane'):
            found.append((counts_of(form, x), form(x)))
    assert_same_counts(found[0][0], found[1][0])
    for ours, theirs in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


# Figures


@torch.no_grad()
def test_a_norm_is_no_operation(lively_weights: Fill) -> None:
    found, x = [], torch.randn(1, 3, 64, 64)
    for out_norm in (False, True):
        model = lively_weights(ESpikeFormer(ARCH, out_norm=out_norm)).eval()
        rates, operations = FiringRateCounter(model), OperationCounter(model)
        rates.attach()
        operations.attach()
        model(x)
        operations.detach()
        rates.detach()
        with uncounted(model) as nameless:
            model(x)
        found.append((rates.layer_totals(), operations.layers(), nameless))
    assert found[0] == found[1]

"""Small models with real time steps, for tests in float64."""

from __future__ import annotations

from collections.abc import Callable

import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.backbones import ESpikeFormer
from mmsfa.cls import SpikeTemporalClsHead
from mmsfa.neurons import SFA
from mmsfa.spiking import observe

Fill = Callable[[nn.Module], nn.Module]
T, B, C, SIZE = 4, 2, 2, 64
ARCH = dict(channels=(8, 16, 16, 24), depths=(1, 1, 1, 1, 1))
# Thresholds low enough for every layer to fire.
NEURONS = {
    'sfa': dict(type='mmpretrain.SFA', D=4),
    'sfa_integers': dict(type='mmpretrain.SFA', D=4, norm=1, beta=1.0, rounding='half_up'),
    'sfa_stateless': dict(type='mmpretrain.SFA', D=4, beta=0),
    'if': dict(type='mmpretrain.IF', v_reset=None),
    'lif': dict(type='mmpretrain.LIF', tau=2.0, v_threshold=0.5),
    'lif_soft': dict(type='mmpretrain.LIF', tau=2.0, v_threshold=0.5, v_reset=None),
}
WITH_MEMORY = [name for name in NEURONS if name != 'sfa_stateless']


def frames(batch: int = B, steps: int = T) -> Tensor:
    """(T, B, C, H, W)."""
    draw = torch.Generator().manual_seed(0)
    return torch.randn(steps, batch, C, SIZE, SIZE, generator=draw, dtype=torch.float64)


def batched(x: Tensor) -> Tensor:
    """(T, B, C, H, W) -> (B, T*C, H, W)."""
    return x.transpose(0, 1).flatten(1, 2)


def backbone(lively_weights: Fill, neuron: str, steps: int = T, **settings) -> ESpikeFormer:
    cfg = dict(T=steps, in_channels=C, neuron_cfg=NEURONS[neuron], out_indices=(1, 4))
    return lively_weights(ESpikeFormer(ARCH, **cfg, **settings).eval()).double()


def classifier(
    lively_weights: Fill, out_time: str, neuron: str = 'sfa', analog: tuple | None = ()
) -> nn.Module:
    """What averages over time has a head without time, and the other way round."""
    head = dict(type='SpikeLinearClsHead', analog=analog)
    head_neuron = dict(NEURONS[neuron], norm=1) if 'sfa' in neuron else NEURONS[neuron]
    if out_time == 'batch':
        head.update(type=SpikeTemporalClsHead, T=T)
    cfg = dict(
        type='ImageClassifier',
        backbone=dict(
            type='ESpikeFormer',
            arch=ARCH,
            in_channels=C,
            out_indices=(4,),
            T=T,
            out_time=out_time,
            neuron_cfg=NEURONS[neuron],
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(**head, num_classes=5, in_channels=24, neuron_cfg=head_neuron),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return lively_weights(MODELS.build(cfg).eval()).double()


def counts_of(model: nn.Module, *inputs: Tensor) -> dict[str, list[Tensor]]:
    """Name -> counts of each call, (steps, B, ...)."""
    found: dict[str, list[Tensor]] = {}

    def keep(name: str, neuron: SFA, output: Tensor) -> None:
        found.setdefault(name, []).append((output * neuron.norm).round())

    with torch.no_grad(), observe(model, neuron=keep):
        for x in inputs:
            model(x)
    return found

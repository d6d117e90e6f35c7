"""Decode heads: which of their layers fire, and what reads potentials."""

from __future__ import annotations

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

import mmsfa.seg  # noqa: F401
from mmsfa.neurons.functional import integer_fire

COMMON = dict(channels=4, num_classes=3, dropout_ratio=0, align_corners=False)
PYRAMID = dict(in_channels=[4, 8], in_index=[0, 1])
HEADS = {
    'UPerHead': dict(PYRAMID, pool_scales=(1, 2)),
    'FCNHead': dict(in_channels=8, in_index=1, num_convs=2, concat_input=False),
    'FPNHead': dict(PYRAMID, feature_strides=[4, 8]),
}


def build(kind: str, **options) -> nn.Module:
    cfg = dict(COMMON, norm_cfg=dict(type='BN'), **HEADS[kind.removeprefix('Spike')])
    return MODELS.build(dict(cfg, type=kind, **options)).eval()


def convs_of(head: nn.Module) -> dict[str, nn.Module]:
    return {name: layer for name, layer in head.named_modules() if isinstance(layer, nn.Conv2d)}


@pytest.mark.parametrize('kind', HEADS)
def test_the_readout_alone_reads_potentials(kind: str) -> None:
    head, given = build(f'Spike{kind}', neuron_cfg=dict(type='mmpretrain.SFA', norm=1)), {}
    convs = convs_of(head)
    for name, conv in convs.items():
        # Behind the neuron, whose hook was there before.
        conv.register_forward_pre_hook(lambda _, x, name=name: given.update({name: x[0]}))
    maps = [torch.randn(2, 4, 16, 16) * 3, torch.randn(2, 8, 8, 8) * 3]
    assert head(maps).shape[:2] == (2, 3)
    assert set(given) == set(convs)
    analog = {name for name, x in given.items() if not torch.equal(x, integer_fire(x, norm=1))}
    assert analog == {'conv_seg'}
    assert given['conv_seg'].min() < 0  # no ReLU is left in front of it


@pytest.mark.parametrize('kind', HEADS)
def test_the_published_readout_fires_too(kind: str) -> None:
    head = build(f'Spike{kind}', analog=())
    assert all(hasattr(conv, 'neuron') for conv in convs_of(head).values())


@pytest.mark.parametrize('kind', HEADS)
def test_weights_of_the_ordinary_head_load(kind: str) -> None:
    build(f'Spike{kind}').load_state_dict(build(kind).state_dict(), strict=True)

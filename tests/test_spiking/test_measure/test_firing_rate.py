from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsfa.neurons import SFA
from mmsfa.spiking import FiringRateCounter, stage_of
from mmsfa.spiking.measure.stages import in_model_order


@pytest.mark.parametrize(
    ('name', 'stage'),
    [
        ('backbone.stages.0.0.conv1.activate', 'backbone.stages.0'),
        ('backbone.downsample_layers.4.activate', 'backbone.stages.4'),
        ('stages.3.1.mlp.activate', 'stages.3'),
        ('downsample_layers.2.activate', 'stages.2'),
        ('neck.lateral_convs.0.activate', 'neck'),
        ('rpn_head.rpn_conv.activate', 'rpn_head'),
        ('roi_head.bbox_head.shared_fcs.0.activate', 'roi_head.bbox_head'),
        ('roi_head.bbox_head.2.shared_fcs.0.activate', 'roi_head.bbox_head.2'),
        ('roi_head.mask_head.convs.3.activate', 'roi_head.mask_head'),
        ('decode_head.psp_modules.0.1.activate', 'decode_head'),
        ('auxiliary_head.convs.0.activate', 'auxiliary_head'),
        ('head.activate', 'head'),
        ('0', '0'),
        ('', 'model'),
    ],
)
def test_stage_of(name: str, stage: str) -> None:
    assert stage_of(name) == stage


def test_stages_come_in_the_order_of_the_network() -> None:
    stages = ['mean', 'b.stages.1', 'b.stages.10', 'b.stages.2', 'b.stages.0', 'neck']
    assert in_model_order(stages) == [
        'mean', 'b.stages.0', 'b.stages.1', 'b.stages.2', 'b.stages.10', 'neck',
    ]  # fmt: skip


@pytest.mark.parametrize('norm', [None, 1, 3])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16])
def test_rates_do_not_depend_on_norm_or_type(norm: int | None, dtype: torch.dtype) -> None:
    model = nn.Sequential(SFA(D=4, norm=norm))
    counter = FiringRateCounter(model)
    counter.attach()
    model(torch.tensor([[0.0, 1.0, 2.0, 4.0]], dtype=dtype))
    model(torch.tensor([[4.0]], dtype=dtype))  # another size: it weighs what it can emit
    counter.detach()
    model(torch.tensor([[4.0]], dtype=dtype))  # not counted any more
    rates = counter.rates(per_layer=True)
    assert rates['mean'] == rates['0'] == pytest.approx((1 + 2 + 4 + 4) / (5 * 4), rel=5e-3)


def test_large_maps_are_counted_exactly() -> None:
    model = nn.Sequential(SFA(D=4))
    counter = FiringRateCounter(model)
    counter.attach()
    for _ in range(3):
        model(torch.full((4, 64, 160, 160), 3.0))
    assert counter.rates()['mean'] == 0.75


def test_attaching_twice_counts_once() -> None:
    model = nn.Sequential(SFA())
    counter = FiringRateCounter(model)
    counter.attach()
    counter.attach()
    model(torch.ones(1, 2))
    assert counter.layer_totals() == {'0': (2.0, 8.0)}


def test_neurons_that_never_ran_are_left_out() -> None:
    model = nn.ModuleDict(dict(backbone=SFA(), neck=SFA()))
    counter = FiringRateCounter(model)
    counter.attach()
    model['backbone'](torch.ones(1, 1))
    assert set(counter.rates()) == {'mean', 'backbone'}

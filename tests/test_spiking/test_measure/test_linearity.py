"""A layer that is more than a product cannot take single spikes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from mmcv.cnn import ConvAWS2d, ConvWS2d
from mmdet.models.layers import NormedConv2d, NormedLinear
from mmpretrain.models.heads.margin_head import NormProduct
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from mmsfa.layers import RepConv
from mmsfa.spiking.measure.linearity import adds_up, same_but_for_rounding
from tests.helpers.untold_layers import Rectified, TwiceTheBias

LAYERS = [
    (lambda: nn.Linear(8, 4), True),
    (lambda: weight_norm(nn.Linear(8, 4)), True),
    (lambda: nn.Conv2d(8, 4, 3, padding=1), True),
    (lambda: RepConv(8, 4, 12, conv_cfg=None, norm_cfg=dict(type='BN')).eval(), True),
    (lambda: ConvWS2d(8, 4, 3), True),
    (lambda: ConvAWS2d(8, 4, 3), True),
    (lambda: TwiceTheBias(8, 4), True),
    (lambda: NormedLinear(8, 4), False),
    (lambda: NormedConv2d(8, 4, 1), False),
    (lambda: NormProduct(8, 4), False),
    (lambda: NormProduct(8, 4, feature_norm=False, weight_norm=False), True),
    (lambda: NormProduct(8, 4, k=2, feature_norm=False), False),
    (lambda: Rectified(8, 4), False),
]


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize(('build', 'linear'), LAYERS)
def test_who_adds_up(build: Callable[[], nn.Module], linear: bool, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = build().to(dtype)
    flat = not any(isinstance(module, nn.Conv2d) for module in layer.modules())
    counts = torch.randint(0, 5, (2, 8) if flat else (2, 8, 5, 5)).to(dtype) / 4
    assert adds_up(layer, counts) is linear


def test_a_sum_is_told_from_what_is_none() -> None:
    parts = [torch.tensor([1e6, 1.0]), torch.tensor([-1e6, 0.1])]
    assert same_but_for_rounding(sum(parts), parts)
    assert same_but_for_rounding(torch.tensor([0.01, 1.1]), parts), 'lost in a million'
    assert not same_but_for_rounding(torch.tensor([1000.0, 1.1]), parts)
    assert same_but_for_rounding(torch.zeros(0), [])


def test_nothing_adds_up_to_nothing() -> None:
    assert adds_up(NormedLinear(8, 4), torch.zeros(0, 8))
    assert adds_up(NormedLinear(8, 4), torch.zeros(2, 8))

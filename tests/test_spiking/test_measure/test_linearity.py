"""A layer that is more than a product cannot take single spikes."""

from __future__ import annotations

import pytest
import torch
from mmcv.cnn import ConvAWS2d, ConvWS2d
from mmdet.models.layers import NormedConv2d, NormedLinear
from mmpretrain.models.heads.margin_head import NormProduct
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from mmsfa.layers import RepConv
from mmsfa.spiking.measure.linearity import adds_up
from tests.helpers.untold_layers import Rectified, TwiceTheBias

LAYERS = [
    (nn.Linear(8, 4), True),
    (weight_norm(nn.Linear(8, 4)), True),
    (nn.Conv2d(8, 4, 3, padding=1), True),
    (RepConv(8, 4, 12, conv_cfg=None, norm_cfg=dict(type='BN')).eval(), True),
    (ConvWS2d(8, 4, 3), True),
    (ConvAWS2d(8, 4, 3), True),
    (TwiceTheBias(8, 4), True),
    (NormedLinear(8, 4), False),
    (NormedConv2d(8, 4, 1), False),
    (NormProduct(8, 4), False),
    (NormProduct(8, 4, feature_norm=False, weight_norm=False), True),
    (NormProduct(8, 4, k=2, feature_norm=False), False),
    (Rectified(8, 4), False),
]


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize(('layer', 'linear'), LAYERS, ids=lambda one: type(one).__name__)
def test_who_adds_up(layer: nn.Module, linear: bool, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    flat = not any(isinstance(module, nn.Conv2d) for module in layer.modules())
    counts = torch.randint(0, 5, (2, 8) if flat else (2, 8, 5, 5)).to(dtype) / 4
    assert adds_up(layer.to(dtype), counts) is linear


def test_nothing_adds_up_to_nothing() -> None:
    assert adds_up(NormedLinear(8, 4), torch.zeros(0, 8))
    assert adds_up(NormedLinear(8, 4), torch.zeros(2, 8))

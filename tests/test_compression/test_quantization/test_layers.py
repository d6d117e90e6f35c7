"""Layers that multiply with quantised weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmcv.cnn import ConvModule, build_conv_layer
from torch import nn

from mmsfa.compression.quantization import (
    QuantConv2d,
    QuantizedLayer,
)
from mmsfa.layers.effective_weight import as_plain, effective_weight, weight_bits
from mmsfa.layers.fold import fold
from tests.helpers.quantised_layers import LAYERS, make


@pytest.mark.parametrize('quantizer', [1, 4, dict(type='mmpretrain.ReScaWQuantizer', bits=2)])
@pytest.mark.parametrize('name', LAYERS)
def test_it_is_the_ordinary_layer_with_another_weight(name: str, quantizer: Any) -> None:
    layer, x = make(name, quantizer)
    plain = as_plain(layer)
    assert plain is not None and not isinstance(plain, QuantizedLayer)
    torch.testing.assert_close(plain(x), layer(x), rtol=0, atol=0)
    assert torch.equal(plain.weight, effective_weight(layer))
    assert weight_bits(layer) == weight_bits(plain) == layer.quantizer.bits
    layer(x).square().sum().backward()
    assert layer.weight.grad.abs().sum() > 0


@pytest.mark.parametrize('name', LAYERS)
def test_filters_are_the_rows(name: str) -> None:
    """Only the output channel of a filter changes with its weights."""
    layer, x = make(name)
    rows = layer.rows_of(layer.weight)
    assert len(rows) == (layer.out_features if name == 'linear' else layer.out_channels)
    assert torch.equal(layer.weight_of(rows), layer.weight)
    before = layer(x)
    with torch.no_grad():
        rows = rows.clone()
        rows[1] = 5
        layer.weight.copy_(layer.weight_of(rows))
    changed = (layer(x) != before).movedim(1, 0).flatten(1).any(1)
    assert changed.tolist() == [i == 1 for i in range(len(rows))]


def test_it_is_a_convolution_of_any_config() -> None:
    cfg = dict(type='mmpretrain.QuantConv2d', quantizer=dict(type='mmpretrain.BinaryQuantizer'))
    assert isinstance(build_conv_layer(cfg, 3, 4, 3), QuantConv2d)
    brick = ConvModule(3, 4, 3, conv_cfg=cfg, norm_cfg=dict(type='BN')).eval()
    brick.bn.running_var.uniform_(0.5, 2)
    x = torch.randn(2, 3, 8, 8)
    folded = fold(brick)
    assert type(folded.conv) is nn.Conv2d
    torch.testing.assert_close(folded(x), brick(x))

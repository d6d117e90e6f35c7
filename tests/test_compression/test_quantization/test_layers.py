"""Layers that multiply with quantised weights."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from mmcv.cnn import ConvModule, build_conv_layer
from torch import nn

from mmsfa.compression.memory import weight_memory
from mmsfa.compression.quantization import (
    BinaryQuantizer,
    QuantConv1d,
    QuantConv2d,
    QuantConvTranspose2d,
    QuantizedLayer,
    QuantLinear,
    UniformQuantizer,
    build_quantizer,
)
from mmsfa.compression.quantization.packing import PACKED, pack
from mmsfa.layers.effective_weight import as_plain, effective_weight, weight_bits
from mmsfa.layers.fold import fold

LAYERS: dict[str, tuple[type, tuple, dict, tuple]] = {
    'conv1d': (QuantConv1d, (6, 4, 3), dict(padding=1), (2, 6, 9)),
    'conv2d': (QuantConv2d, (6, 4, 3), dict(stride=2, padding=1), (2, 6, 9, 8)),
    'reflect': (QuantConv2d, (6, 4, 3), dict(padding=1, padding_mode='reflect'), (2, 6, 9, 8)),
    'depthwise': (QuantConv2d, (6, 6, 3), dict(groups=6, bias=False), (2, 6, 9, 8)),
    'transposed': (QuantConvTranspose2d, (6, 4, 2), dict(stride=2), (2, 6, 5, 4)),
    'transposed in groups': (QuantConvTranspose2d, (6, 4, 3), dict(groups=2), (2, 6, 5, 4)),
    'linear': (QuantLinear, (6, 4), {}, (2, 6)),
}


def make(name: str, quantizer: Any = 4) -> tuple[Any, torch.Tensor]:
    torch.manual_seed(0)
    kind, args, settings, shape = LAYERS[name]
    return kind(*args, quantizer=quantizer, **settings), torch.randn(shape)


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


def test_memory_counts_its_bits() -> None:
    layer, _ = make('conv2d', 1)
    assert weight_memory(layer) == (6 * 4 * 9 / 8 + 4 * 4) / 1e6  # and a bias of four floats


@pytest.mark.parametrize('name', LAYERS)
def test_packed_weights_load_exactly(name: str) -> None:
    layer, x = make(name, 3)
    found = layer.quantized()
    state = layer.state_dict()
    state[PACKED], state['weight_scale'] = pack(found.integers, layer.quantizer), found.scale
    del state['weight']
    other, _ = make(name, 3)
    nn.init.zeros_(other.weight)
    other.load_state_dict(state)
    assert torch.equal(other(x), layer(x))
    assert torch.equal(other.effective_weight(), layer.effective_weight())
    again, _ = make(name, 3)  # and from its own state dict, which has the weights and the scale
    again.load_state_dict(other.state_dict())
    assert torch.equal(again(x), layer(x))


def test_packed_weights_need_their_scale() -> None:
    layer, _ = make('linear', 3)
    state = {**layer.state_dict(), PACKED: pack(layer.quantized().integers, layer.quantizer)}
    with pytest.raises(ValueError, match='weight_packed, but no weight_scale'):
        make('linear', 3)[0].load_state_dict(state)


def test_a_fixed_scale_stays_where_weights_change() -> None:
    layer, _ = make('conv2d', 4)
    scale = layer.quantized().scale
    layer.fix_scale()
    nn.init.normal_(layer.weight)
    assert torch.equal(layer.quantized().scale, scale)
    float_weights = {'weight': layer.weight, 'bias': layer.bias}
    layer.load_state_dict(float_weights)  # they bring none: it is free again
    assert layer.weight_scale is None


def test_weights_of_other_bits_warn() -> None:
    with pytest.warns(UserWarning, match='trained with bits=2, this model has bits=4'):
        make('linear', 4)[0].load_state_dict(make('linear', 2)[0].state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        make('linear', 4)[0].load_state_dict(make('linear', 4)[0].state_dict())


def test_what_is_no_quantizer() -> None:
    with pytest.raises(ValueError, match='must be a number of bits .* got a SFA'):
        build_quantizer(dict(type='mmpretrain.SFA'))
    with pytest.raises(ValueError, match='must be a number of bits .* got a dict'):
        build_quantizer(dict(scale='mse'))
    with pytest.raises(ValueError, match='must lie in 2..8, got 16'):
        build_quantizer(16)


def test_bits_choose_the_quantizer() -> None:
    assert isinstance(build_quantizer(dict(bits=1, scale='none')), BinaryQuantizer)
    four = build_quantizer(dict(bits=4, scale='mse'))
    assert isinstance(four, UniformQuantizer) and (four.bits, four.scale) == (4, 'mse')

"""What every quantised layer does with its scale, its settings and its state dict."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from mmsfa.compression.memory import weight_memory
from mmsfa.compression.quantization import BinaryQuantizer, UniformQuantizer, build_quantizer
from tests.helpers.quantised_layers import make


def test_memory_counts_its_bits() -> None:
    layer, _ = make('conv2d', 1)
    assert weight_memory(layer) == (6 * 4 * 9 / 8 + 4 * 4) / 1e6  # and a bias of four floats


def test_a_fixed_scale_stays_where_weights_change() -> None:
    layer, _ = make('conv2d', 4)
    scale = layer.quantized().scale
    layer.fix_scale()
    nn.init.normal_(layer.weight)
    assert torch.equal(layer.quantized().scale, scale)
    float_weights = {'weight': layer.weight, 'bias': layer.bias}
    layer.load_state_dict(float_weights)  # they bring none: it is free again
    assert layer.weight_scale is None


@pytest.mark.parametrize('bits', [1, 2, 4, 8])
def test_a_fixed_scale_leaves_the_weight(bits: int) -> None:
    layer, _ = make('conv2d', bits)
    nn.init.normal_(layer.weight, mean=0.5)
    before = layer.quantized().values
    layer.fix_scale()
    assert torch.equal(layer.quantized().values, before)
    layer.fix_scale()
    assert torch.equal(layer.quantized().values, before)


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
    with pytest.raises(ValueError, match='ReScaWQuantizer needs its bits: dict'):
        build_quantizer(dict(type='mmpretrain.ReScaWQuantizer'))
    for bits in (0, 9, 16, True):
        with pytest.raises(ValueError, match=f'A weight has 1..8 bits, .* got {bits}'):
            build_quantizer(bits)


def test_bits_choose_the_quantizer() -> None:
    assert isinstance(build_quantizer(dict(bits=1, scale='none')), BinaryQuantizer)
    four = build_quantizer(dict(bits=4, scale='mse'))
    assert isinstance(four, UniformQuantizer) and (four.bits, four.scale) == (4, 'mse')

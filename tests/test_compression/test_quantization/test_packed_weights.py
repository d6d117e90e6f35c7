"""Quantised weights in their bits, and back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsfa.compression.quantization import packed_state_dict, refuse_packed
from mmsfa.compression.quantization.packing import GRID, PACKED, PackedWeightError, pack
from tests.helpers.quantised_layers import LAYERS, make


@pytest.mark.parametrize('name', LAYERS)
def test_packed_weights_load_exactly(name: str) -> None:
    layer, x = make(name, 3)
    state = packed_state_dict(layer.state_dict(), layer)
    assert 'weight' not in state and state[PACKED].dtype == torch.uint8
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


def test_an_ordinary_model_refuses_packed_weights() -> None:
    layer, _ = make('linear', 3)
    state = {
        f'fc.{key}': value for key, value in packed_state_dict(layer.state_dict(), layer).items()
    }
    with pytest.raises(PackedWeightError, match='packed weights for fc, which is not quantised'):
        refuse_packed(nn.ModuleDict(dict(fc=nn.Linear(6, 4))), state)
    refuse_packed(nn.ModuleDict(dict(fc=make('linear', 3)[0])), state)


def test_packed_weights_of_another_grid_are_refused() -> None:
    layer, _ = make('linear', 4)  # as many bits, and other weights: -7..7, not -15, -13, ..., 15
    state = packed_state_dict(layer.state_dict(), layer)
    other, _ = make('linear', dict(type='mmpretrain.ReScaWQuantizer', bits=4))
    with pytest.raises(PackedWeightError, match='integers -7..7 in steps of 1'):
        other.load_state_dict(state)
    state.pop(GRID)  # files of earlier versions do not tell
    other.load_state_dict(state)


def test_packed_weights_are_packed_again_as_they_are() -> None:
    layer, _ = make('linear', 3)
    state = packed_state_dict(layer.state_dict(), layer)
    other, _ = make('linear', 3)
    other.load_state_dict(dict(state))
    again = packed_state_dict(state, other)
    assert list(again) == list(state)
    assert all(torch.equal(again[key], state[key]) for key in state)


@pytest.mark.parametrize('bits', [1, 4])
def test_weights_that_are_no_numbers_are_not_packed(bits: int) -> None:
    layer, _ = make('linear', bits)
    with torch.no_grad():
        layer.weight[0, 0] = torch.nan
    with pytest.raises(PackedWeightError, match='NaN or infinite'):
        packed_state_dict(layer.state_dict(), layer)

"""Quantised weights in their bits, and back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsfa.compression.quantization import packed_state_dict, refuse_packed
from mmsfa.compression.quantization.packing import PACKED, PackedWeightError, pack
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

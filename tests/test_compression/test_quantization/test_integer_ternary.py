"""A trained ternary network in whole numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsfa.backbones import QTSNN
from mmsfa.compression.quantization import (
    IntegerTernaryConv1d,
    QuantizationError,
    integer_ternary,
    quantize,
)

T, C = 4, 6
NEURON = dict(
    type='mmpretrain.TernaryLIF', threshold=0.5, state_quant=dict(type='UniformState', bits=6)
)


def signals() -> torch.Tensor:
    return torch.randint(-1, 2, (8, T * C, 1, 32)).float()


def trained(**changes) -> QTSNN:
    """Quantised, with BN that has seen something and a channel that BN switches off."""
    torch.manual_seed(0)
    settings = dict(strides=(1, 2), neuron_cfg=NEURON, T=T)
    model = quantize(QTSNN(C, (16, 24), **{**settings, **changes}), dict(default=8, stem=8))
    for layer in model.features:
        nn.init.uniform_(layer.norm.weight, -1.5, 1.5)
        nn.init.normal_(layer.norm.bias, std=0.2)
    nn.init.zeros_(model.features[0].norm.weight[:1])  # a channel that BN switches off
    for _ in range(20):
        model(signals())
    return model.eval()


def test_integers_and_floats_give_the_same_spikes() -> None:
    model, x = trained(), signals()
    whole, floating = integer_ternary(model), integer_ternary(model, torch.float32)
    assert torch.equal(whole(x)[0], floating(x)[0])
    assert set(whole(x)[0].unique().tolist()) == {-1, 0, 1}
    bricks = [m for m in whole.modules() if isinstance(m, IntegerTernaryConv1d)]
    assert len(bricks) == 2
    for brick in bricks:
        assert {buffer.dtype for buffer in brick.buffers()} == {torch.int32}
        assert int(brick.weight.abs().max()) <= 127 and int(brick.threshold.min()) >= 1


def test_it_fires_nearly_as_the_trained_network_does() -> None:
    model, x = trained(), signals()
    with torch.no_grad():
        agreement = (integer_ternary(model)(x)[0] == model(x)[0]).float().mean()
    assert agreement > 0.9  # thresholds are rounded, and the steps of membranes to powers of two


def test_the_first_layer_without_memory_differs_by_rounded_thresholds_only() -> None:
    model, x = trained(), signals()
    first = integer_ternary(model).features[0]
    inside = model.input(x.unflatten(1, (T, C)).transpose(0, 1).flatten(0, 1).squeeze(2))
    with torch.no_grad():
        spikes, wanted = first(inside)[:8], model.features[0](inside)[:8]  # the first step
    assert (spikes == wanted).float().mean() > 0.98


def test_the_model_itself_stays() -> None:
    model, x = trained(), signals()
    with torch.no_grad():
        before = model(x)[0]
        integer_ternary(model)
        assert torch.equal(model(x)[0], before)


def test_what_has_no_such_form_is_refused() -> None:
    with pytest.raises(ValueError, match='evaluation mode'):
        integer_ternary(trained().train())
    with pytest.raises(QuantizationError, match='set quantization of the config'):
        integer_ternary(QTSNN(C, (4,), strides=1, neuron_cfg=NEURON, T=T).eval())
    plain = dict(type='mmpretrain.TernaryLIF')
    with pytest.raises(QuantizationError, match='state_quant='):
        integer_ternary(trained(neuron_cfg=plain))
    with pytest.raises(QuantizationError, match='Linear has no convolutions'):
        integer_ternary(nn.Linear(2, 2).eval())

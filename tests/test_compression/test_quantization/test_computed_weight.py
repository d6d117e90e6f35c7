"""A quantised weight is computed once, and anew where anything has changed."""

from __future__ import annotations

import pytest
import torch

from tests.helpers.quantised_layers import make


@torch.no_grad()
def test_in_inference_the_weight_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = make('conv2d', dict(bits=4, scale='mse'))
    runs = []
    scale_of = layer.quantizer.scale_of
    monkeypatch.setattr(layer.quantizer, 'scale_of', lambda rows: runs.append(1) or scale_of(rows))
    first = layer(x)
    assert torch.equal(layer(x), first) and len(runs) == 1
    layer.weight.data.mul_(-2)  # unseen by autograd, as a moving average swaps weights
    assert torch.equal(layer.effective_weight(), layer.quantized().values.view_as(layer.weight))
    layer.quantizer.bits, layer.quantizer.largest, layer.quantizer.smallest = 2, 1, -1
    assert len(layer.effective_weight()[0].unique()) <= 3
    layer.fix_scale()
    layer.weight_scale *= 2
    wanted = layer.quantizer(layer.rows_of(layer.weight), layer.weight_scale)
    assert torch.equal(layer.effective_weight(), layer.weight_of(wanted))
    assert layer.double()(x.double()).dtype == torch.float64

"""Any model with quantised layers: built so, or converted."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from mmsfa.compression.quantization import (
    BinaryQuantizer,
    QuantizationError,
    QuantizedLayer,
    UniformQuantizer,
    convert,
    quantize,
)
from mmsfa.layers.fold import fold
from mmsfa.spiking import compare, in_float64
from tests.helpers.lively import lively_weights

HEAD = dict(type='SpikeLinearClsHead', num_classes=5, in_channels=128)
CLASSIFIER = dict(
    type='ImageClassifier',
    backbone=dict(type='ESpikeFormer', arch='tiny', out_indices=(4,)),
    neck=dict(type='GlobalAveragePooling'),
    head=HEAD,
)

SMALL_VIT = dict(embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=8)


def classifier() -> Any:
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    return lively_weights(MODELS.build(CLASSIFIER)).eval()


def quantized_layers(model: nn.Module) -> dict[str, QuantizedLayer]:
    return {n: m for n, m in model.named_modules() if isinstance(m, QuantizedLayer)}


def test_the_parameters_stay_the_same_objects() -> None:
    model = classifier()
    before = dict(model.named_parameters())
    keys = list(model.state_dict())
    assert quantize(model, dict(default=1, depthwise=4)) is model
    assert dict(model.named_parameters()) == before and list(model.state_dict()) == keys
    found = quantized_layers(model)
    assert len(found) == sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in model.modules())
    assert isinstance(found['backbone.downsample_layers.0.conv'].quantizer, UniformQuantizer)
    kinds = {type(layer.quantizer) for name, layer in found.items() if 'mlp' in name}
    assert kinds == {BinaryQuantizer}


def test_built_from_a_config_it_is_the_same_model() -> None:
    model = quantize(classifier(), 4)
    cfg = dict(type='mmpretrain.Quantized', of=deepcopy(CLASSIFIER), quantization=4)
    built = MODELS.build(cfg).eval()
    built.load_state_dict(model.state_dict())
    x = torch.randn(2, 3, 64, 64)
    assert torch.equal(built.head(built.extract_feat(x)), model.head(model.extract_feat(x)))
    assert type(built) is type(model)


def test_training_reaches_every_weight() -> None:
    model = quantize(classifier(), 2).train()
    loss = model.head(model.extract_feat(torch.randn(4, 3, 64, 64))).square().sum()
    loss.backward()
    dead = [n for n, layer in quantized_layers(model).items() if not layer.weight.grad.any()]
    assert not dead


def test_proof_and_folding_take_it() -> None:
    model = quantize(classifier(), dict(default=2, depthwise=4))
    picture = torch.randint(256, (3, 48, 48))
    with in_float64(model):
        found = compare(model, [dict(inputs=[picture], data_samples=None)])
    assert found.identical and not found.uncounted
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    model.double()
    folded = fold(model)
    assert not quantized_layers(folded)
    want = model.head(model.extract_feat(x))
    torch.testing.assert_close(folded.head(folded.extract_feat(x)), want)


def test_what_cannot_be_quantised_is_named(caplog: pytest.LogCaptureFixture) -> None:
    class Own(nn.Linear):
        pass

    model = nn.Sequential(nn.Linear(4, 4), Own(4, 4), nn.MultiheadAttention(4, 2))
    model.append(parametrizations.weight_norm(nn.Linear(4, 4)))
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convert, 'print_log', lambda text, logger: said.append(text))
        quantize(model, dict(default=4))
    assert list(quantized_layers(model)) == ['0']
    (text,) = said
    for name in ('1 (Own)', '2 (MultiheadAttention)', '3 (ParametrizedLinear)'):
        assert name in text


class ByItself(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(F.linear(x.to(self.proj.weight.dtype), self.qkv.weight))


def test_a_layer_that_does_not_run_itself_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(convert, 'print_log', lambda text, logger: said.append(text))
    assert list(quantized_layers(quantize(ByItself(), dict(default=4)))) == ['proj']
    assert 'qkv (ByItself reads its weight)' in said[0]
    beit = MODELS.build(dict(type='mmpretrain.BEiTViT', arch=SMALL_VIT, img_size=32))
    with pytest.raises(QuantizationError, match=r'attn.qkv \(BEiTAttention reads its weight\)'):
        quantize(beit, dict(layers={'layers.0.attn.qkv': 4}))


def test_other_bits_than_those_that_are_built_in() -> None:
    model = quantize(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), dict(default=4, stem=4))
    assert quantize(model, dict(default=4, stem=4)) is model
    with pytest.raises(QuantizationError, match=r'nothing: 0 .* \(UniformQuantizer\(bits=4'):
        quantize(model, dict(default=2, stem=2))


@torch.no_grad()
def test_the_short_cut_of_mmcv_over_the_float_weight_is_off() -> None:
    brick = ConvModule(4, 4, 1, norm_cfg=dict(type='BN'), efficient_conv_bn_eval=True).eval()
    quantize(brick, dict(default=1, stem=1))
    x = torch.randn(1, 4, 3, 3)
    assert torch.equal(brick(x), brick.activate(brick.norm(brick.conv(x))))


def test_nothing_to_quantise() -> None:
    with pytest.raises(QuantizationError, match='leaves every layer of Linear in floating point'):
        quantize(nn.Linear(2, 2), dict(default=None))
    with pytest.raises(ValueError, match=r'takes `of` and `quantization`, got head'):
        MODELS.build(dict(type='mmpretrain.Quantized', of=CLASSIFIER, quantization=4, head=HEAD))

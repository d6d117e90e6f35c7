"""Channels are taken out of layers, norms and scales; a config builds the narrow model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS
from torch import nn

from mmsfa.compression.pruning import PruningError, narrow_to, widths_of
from mmsfa.compression.pruning.narrow import Kept, as_tensor, freeze_scales, narrow
from mmsfa.compression.quantization import QuantConv2d, QuantConvTranspose2d, QuantLinear
from mmsfa.layers import RepConv, SpikeConv

RESCAW = dict(type='mmpretrain.ReScaWQuantizer', bits=4)


def check(layer: nn.Module, kept: Kept, x: torch.Tensor) -> nn.Module:
    """The narrow layer gives what the whole one gives for zeros in place of what went."""
    model = nn.Sequential(layer).double()
    whole = x * as_tensor(kept.ins or range(x.shape[1]), x.shape[1], x).view(
        1, -1, *[1] * (x.dim() - 2)
    )
    wanted = model(whole)
    freeze_scales(model, ['0'])
    narrow(model, {'0': kept})
    found = model(x if kept.ins is None else x[:, kept.ins])
    if kept.outs is not None:
        wanted = wanted[:, kept.outs]
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    return model[0]


MAP = torch.rand(2, 6, 5, 5, dtype=torch.float64)
OUTS, INS = [0, 2, 3], [1, 4]


@pytest.mark.parametrize(
    'layer',
    [
        nn.Conv2d(6, 4, 3),
        nn.ConvTranspose2d(6, 4, 2),
        QuantConv2d(6, 4, 3, quantizer=RESCAW),
        QuantConvTranspose2d(6, 4, 2, quantizer=RESCAW),
        QuantConv2d(
            6, 4, 3, quantizer=dict(type='mmpretrain.UniformQuantizer', bits=3, per='layer')
        ),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_convolutions(layer: Any) -> None:
    narrowed: Any = check(layer, Kept(OUTS, INS), MAP)
    assert (narrowed.in_channels, narrowed.out_channels) == (2, 3)


@pytest.mark.parametrize('layer', [nn.Linear(6, 4), QuantLinear(6, 4, quantizer=RESCAW)])
def test_linear_layers(layer: Any) -> None:
    narrowed: Any = check(layer, Kept(OUTS, INS), MAP[..., 0, 0])
    assert (narrowed.in_features, narrowed.out_features) == (2, 3)


@pytest.mark.parametrize('options', [{}, dict(quantizer=RESCAW)])
def test_depthwise_convolutions_have_fewer_groups(options: dict) -> None:
    kind: Any = QuantConv2d if options else nn.Conv2d
    model = nn.Sequential(kind(6, 6, 3, groups=6, **options)).double()
    wanted = model(MAP)[:, OUTS]
    narrow(model, {'0': Kept(OUTS)})
    layer: Any = model[0]
    assert layer.groups == layer.in_channels == layer.out_channels == 3
    torch.testing.assert_close(model(MAP[:, OUTS]), wanted)


def test_norms_and_what_is_frozen() -> None:
    model = nn.Sequential(nn.BatchNorm2d(6, affine=False), nn.BatchNorm2d(6)).double().eval()
    model[0].running_mean.normal_()
    model[1].weight.requires_grad_(False)
    wanted = model(MAP)[:, OUTS]
    bias = model[1].bias
    narrow(model, {'0': Kept(OUTS), '1': Kept(OUTS)})
    assert model[0].num_features == 3 and not model[1].weight.requires_grad
    assert model[1].bias.requires_grad and model[1].bias is not bias
    assert torch.equal(model(MAP[:, OUTS]), wanted)


def test_what_lies_around_a_layer_knows_its_widths() -> None:
    brick = SpikeConv(6, 4, 1, neuron_cfg=None, norm_cfg=dict(type='BN'))
    narrow(brick, {'conv': Kept(OUTS, INS), 'bn': Kept(OUTS)})
    assert (brick.in_channels, brick.out_channels) == (2, 3)
    rep = RepConv(6, 4, 5, conv_cfg=None, norm_cfg=dict(type='BN')).eval()
    narrow(rep, {'conv1.conv': Kept(None, INS), 'conv2.conv': Kept(OUTS), 'conv2.bn': Kept(OUTS)})
    narrow(rep, {'bn': Kept(OUTS)})
    x = MAP[:, INS].float()
    with torch.no_grad():
        wanted = rep(x)
        rep.switch_to_deploy()
        torch.testing.assert_close(rep(x), wanted)


# --- from a config

NET = dict(
    type='ImageClassifier',
    backbone=dict(
        type='ESpikeFormer', arch=dict(channels=(8, 8, 8, 8), depths=(1, 0, 0, 0, 0)),
        out_indices=(0,),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=2, in_channels=4),
)  # fmt: skip
WIDTHS = {
    'backbone.stages.0.0.conv1.conv': [5, 4],
    'backbone.stages.0.0.conv1.bn': [5],
    'backbone.stages.0.0.conv2.conv': [4, 5],
    'backbone.stages.0.0.sep_conv.dwconv.conv': [8],
}


def build(widths: dict, of: Any = NET, **more: Any) -> Any:
    init_default_scope('mmpretrain')
    return MODELS.build(dict(type='mmpretrain.Pruned', of=of, widths=widths, **more))


def test_a_config_builds_it() -> None:
    model = build(WIDTHS, data_preprocessor=dict(mean=[1, 2, 3], std=[1, 1, 1]))
    assert widths_of(model, list(WIDTHS)) == WIDTHS
    assert type(model).__name__ == 'ImageClassifier'
    assert model.data_preprocessor.mean.flatten().tolist() == [1, 2, 3]
    model.init_weights()
    assert widths_of(model, list(WIDTHS)) == WIDTHS
    assert model.extract_feat(torch.rand(1, 3, 32, 32))[0].shape == (1, 4)


def test_a_quantised_one() -> None:
    model = build(WIDTHS, dict(type='mmpretrain.Quantized', of=NET, quantization=4))
    layer = model.backbone.stages[0][0].conv1.conv
    assert layer.weight.shape == (5, 4, 3, 3) and layer.weight_bits == 4
    freeze_scales(model, list(WIDTHS)[:1])
    assert layer.weight_scale.shape == (5, 1)
    other = build(WIDTHS, dict(type='mmpretrain.Quantized', of=NET, quantization=4))
    other.load_state_dict(model.state_dict())  # strict, with the scales
    assert torch.equal(other.backbone.stages[0][0].conv1.conv.weight_scale, layer.weight_scale)


@pytest.mark.parametrize(
    ('widths', 'words'),
    [
        ({'backbone.stage.conv': [2, 2]}, 'names backbone.stage.conv, which ImageClassifier lacks'),
        ({'head.fc': [2, 5]}, r'gives head.fc \[2, 5\] channels, and it has \[2, 4\]'),
        ({'head.fc': [2]}, r'gives head.fc \[2\] channels'),
        ({'head.fc': [2, 0]}, r'gives head.fc \[2, 0\] channels'),
    ],
)
def test_widths_of_another_model_are_refused(widths: dict, words: str) -> None:
    with pytest.raises(PruningError, match=words):
        build(widths)


def test_settings_of_the_model_belong_into_it() -> None:
    with pytest.raises(ValueError, match=r'got backbone: .* \(model.of.backbone\)'):
        build({}, backbone=None)


def test_nothing_to_narrow_changes_nothing() -> None:
    model = build({})
    before = list(model.parameters())
    full = widths_of(model, ['head.fc'])
    assert all(a is b for a, b in zip(narrow_to(model, full).parameters(), before, strict=True))

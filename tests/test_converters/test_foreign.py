"""Other models are refused with a sentence that says what they are."""

from __future__ import annotations

import pytest
import timm
import torch
from mmpretrain.registry import MODELS

from mmsfa.converters import (
    ConversionError,
    convert,
    recognise,
    refuse_foreign,
)

META_SPIKEFORMER = (
    'downsample1_1.encode_conv.weight',
    'downsample1_1.encode_bn.weight',
    'ConvBlock1_1.0.Conv.pwconv1.weight',
    'ConvBlock1_1.0.Conv.bn1.weight',
    'ConvBlock1_1.0.Conv.dwconv.weight',
    'ConvBlock1_1.0.conv1.weight',
    'block3.0.attn.q_conv.0.body.0.weight',
    'block3.0.attn.q_conv.1.weight',
    'block3.0.mlp.fc1_conv.weight',
    'head.weight',
)


@pytest.mark.parametrize('prefix', ['', 'backbone.', 'module.'])
@pytest.mark.parametrize('part', ['ConvBlock', 'block3'])
def test_meta_spikeformer(prefix, part) -> None:
    names = [prefix + name for name in META_SPIKEFORMER if name.startswith(('downsample', part))]
    with pytest.raises(ConversionError, match='no E-SpikeFormer but Meta-SpikeFormer .* V2'):
        refuse_foreign(names)


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: timm.create_model('resnet18'), 'but ResNet'),
        (lambda: timm.create_model('vit_tiny_patch16_224'), 'but ViT'),
        (lambda: timm.create_model('caformer_s18'), 'but MetaFormer'),
        (lambda: timm.create_model('mobilenetv3_small_100'), 'downsample1_1.*got conv_stem.weight'),
    ],
)
def test_ordinary_networks(make, message) -> None:
    with torch.device('meta'):
        names = make().state_dict()
    with pytest.raises(ConversionError, match=message):
        refuse_foreign(names)


def test_our_own() -> None:
    cfg = dict(type='ESpikeFormer', arch='tiny')
    names = [f'backbone.{name}' for name in MODELS.build(cfg).state_dict()]
    with pytest.raises(ConversionError, match='already a checkpoint of mmsfa'):
        refuse_foreign(names)


def test_a_missing_stage_is_named(published) -> None:
    names = published.base(48, 96, 192, 240)
    part = {name: shape for name, shape in names.items() if not name.startswith('block4')}
    with pytest.raises(ConversionError, match='incomplete: it has no stages.4.0'):
        recognise(convert(published.shapes_only(part))[0])


def test_another_depth_is_told(published) -> None:
    names = published.base(48, 96, 192, 240)
    part = {name: shape for name, shape in names.items() if not name.startswith('block3.5')}
    found = recognise(convert(published.shapes_only(part))[0])
    assert found.backbone['arch'] == dict(channels=(48, 96, 192, 240), depths=(1, 1, 2, 5, 2))


def test_what_weights_do_not_tell(published) -> None:
    names = published.large(128, 256, 512, local=512) | published.classifier(512)
    assert 'D=8' in recognise(convert(published.shapes_only(names))[0]).advice

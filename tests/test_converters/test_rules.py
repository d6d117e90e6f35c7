"""Published names in our words, rule by rule."""

from __future__ import annotations

import pytest
import torch

from mmsfa.converters.rules import (
    BASE_RULES,
    LARGE_RULES,
    is_large,
    rename,
    rename_decoder,
    rename_head,
    with_class_token,
)


def test_rules_follow_each_other_and_act_once() -> None:
    assert rename('a.a', [('a', 'b'), ('b', 'c')]) == 'c.a'
    assert rename('stranger.weight', BASE_RULES) == 'stranger.weight'


@pytest.mark.parametrize(
    ('name', 'base', 'large'),
    [
        ('downsample1_1.encode_conv.weight', 'downsample_layers.0.conv.weight', None),
        ('downsample4.encode_bn.bias', 'downsample_layers.4.bn.bias', None),
        ('ConvBlock2_2.0.Conv.dwconv.1.bias', 'stages.2.1.sep_conv.dwconv.bn.bias', ...),
        ('ConvBlock1_2.0.bn2.weight', 'stages.1.0.conv2.bn.weight', None),  # pre-training of large
        ('ConvBlock1_2.0.conv2.0.1.weight', ..., 'stages.1.0.conv2.bn.weight'),
        ('block3.5.conv.pwconv2.0.weight', 'stages.3.5.sep_conv.pwconv2.conv.weight', ...),
        ('block3.11.rep_conv.conv1.1.bias', ..., 'stages.3.11.rep_conv.rep.conv1.bn.bias'),
        ('block3.0.mlp.fc1_bn.weight', 'stages.3.0.mlp.fc1.bn.weight', None),
        ('block3.0.layer_scale2', 'stages.3.0.layer_scales.1.weight', None),
        ('block4.1.attn.q_conv.0.weight', 'stages.4.1.attn.q_conv.conv.weight', ...),
        ('block4.1.attn.proj_conv.1.bias', 'stages.4.1.attn.proj.bn.bias', ...),
        ('block3.1.attn.proj_conv.1.bias', ..., 'stages.3.1.attn.proj.rep.bn.bias'),
        (
            'block3.1.attn.v_conv.0.conv2.0.weight',
            ...,
            'stages.3.1.attn.v_conv.rep.conv2.conv.weight',
        ),
    ],
)
def test_the_backbone_of_each_family(name: str, base, large) -> None:
    """None: as in the base family; an ellipsis: the family has no such tensor."""
    if base is not ...:
        assert rename(name, BASE_RULES) == base
    if large is not ...:
        assert rename(name, LARGE_RULES) == (large or base)


def test_the_family_is_told_by_what_only_one_has() -> None:
    common = ['downsample1_1.encode_conv.weight', 'block3.0.mlp.fc1_conv.weight']
    base = [
        'ConvBlock1_1.0.conv1.weight',
        'block3.0.attn.q_conv.0.weight',
        'block4.0.mlp.fc1_conv.bias',
    ]
    assert not is_large(common + base)
    for name in ('ConvBlock1_1.0.conv1.0.0.weight', 'block3.11.rep_conv.conv1.0.weight',
                 'backbone.block3.2.attn.v_conv.0.conv2.1.bias'):  # fmt: skip
        assert is_large([*common, name])
    assert not is_large([])


@pytest.mark.parametrize(
    ('name', 'target'),
    [
        ('head.weight', 'head.fc.weight'),
        ('head_kd.bias', 'head.fc_kd.bias'),
        ('neck.lateral_convs.2.1.0.conv.weight', 'neck.lateral_convs.2.conv.weight'),
        ('neck.fpn_convs.0.0.bias', 'neck.fpn_convs.0.conv.bias'),
        ('neck.fpn_convs.0.1.running_mean', 'neck.fpn_convs.0.bn.running_mean'),
        ('rpn_head.rpn_cls.1.0.weight', 'rpn_head.rpn_cls.weight'),
        ('roi_head.bbox_head.0.shared_fcs.0.1.0.bias', 'roi_head.bbox_head.0.shared_fcs.0.bias'),
        ('roi_head.mask_head.upsample.1.0.weight', 'roi_head.mask_head.upsample.weight'),
        ('decode_head.scale_heads.3.2.1.weight', 'decode_head.scale_heads.3.2.conv.weight'),
        ('decode_head.scale_heads.3.2.2.bias', 'decode_head.scale_heads.3.2.bn.bias'),
        ('decode_head.conv_seg.weight', 'decode_head.conv_seg.weight'),
        ('head.stranger.weight', None),
        ('stranger.weight', None),
    ],
)
def test_necks_and_heads(name: str, target: str | None) -> None:
    assert rename_head(name) == target


DECODER = {
    'mask_token': 'neck.mask_token',
    'decoder_embed.weight': 'neck.decoder_embed.weight',
    'decoder_norm.bias': 'neck.ln1.bias',
    'decoder_blocks.3.norm2.weight': 'neck.decoder_blocks.3.ln2.weight',
    'decoder_blocks.3.attn.qkv.weight': 'neck.decoder_blocks.3.attn.qkv.weight',
    'decoder_blocks.3.mlp.fc1.bias': 'neck.decoder_blocks.3.ffn.layers.0.0.bias',
    'decoder_blocks.3.mlp.fc2.bias': 'neck.decoder_blocks.3.ffn.layers.1.bias',
    'norm.running_mean': 'neck.latent_norm.running_mean',
    'norm.weight': 'neck.latent_norm.weight',
    'stranger.weight': None,
    'block3.norm.weight': None,
}


def test_the_decoder_of_pre_training() -> None:
    found = {name: rename_decoder(name, DECODER.keys()) for name in DECODER}
    assert found == DECODER
    without = DECODER.keys() - {'decoder_embed.weight'}  # then `norm` is anything
    assert {rename_decoder(name, without) for name in without} == {None}


def test_the_position_of_a_class_token_is_empty_and_the_first() -> None:
    positions = torch.randn(1, 4, 3)
    found = with_class_token(positions)
    assert found.shape == (1, 5, 3)
    assert torch.equal(found[:, 1:], positions) and not found[:, 0].any()

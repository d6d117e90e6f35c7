"""Published tensors under our names."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mmsfa.converters import (
    ConversionError,
    convert,
    differences,
    recognise,
    why_unused,
)
from mmsfa.converters.convert import target_names
from mmsfa.converters.layouts import Layout


def test_what_is_unused() -> None:
    unused = {'pos_embed': True, 'block3.0.attn.q_spike.v': True, 'downsample2.encode_lif.v': True}
    needed = ('decoder_pos_embed', 'block3.0.attn.v_conv.0.weight', 'block3.0.attn.lif.w', 'head.v')
    for name, is_unused in {**unused, **dict.fromkeys(needed, False)}.items():
        assert bool(why_unused(name)) == bool(why_unused(f'module.{name}')) == is_unused, name


def test_sizes_that_no_model_has(published) -> None:
    for channels in ((33, 96, 192, 240), (48, 96, 192, 190)):
        state_dict = convert(published.shapes_only(published.base(*channels)))[0]
        with pytest.raises(ConversionError, match='No published model has this size: '):
            differences(state_dict, recognise(state_dict))


def test_a_name_that_both_families_have_means_what_the_others_say() -> None:
    name = 'module.block3.0.attn.q_conv.1.weight'
    other = 'block3.0.rep_conv.conv1.0.weight'
    assert target_names([name]) == {name: 'backbone.stages.3.0.attn.q_conv.bn.weight'}
    assert target_names([name, other])[name] == 'backbone.stages.3.0.attn.q_conv.rep.bn.weight'
    assert target_names(['stranger', 'backbone.stranger']) == dict.fromkeys(
        ['stranger', 'backbone.stranger']
    )


def test_what_no_rule_knows_or_comes_second_is_left_over() -> None:
    weight, other = torch.ones(2, 3, 7, 7), torch.zeros(2, 3, 7, 7)
    converted, leftover = convert(
        {
            'module.downsample1_1.encode_conv.weight': weight,
            'backbone.downsample1_1.encode_conv.weight': other,
            'module.stranger': other,
            'pos_embed': other,
        }
    )
    assert list(converted) == ['backbone.downsample_layers.0.conv.weight']
    assert converted['backbone.downsample_layers.0.conv.weight'] is weight
    assert leftover == ['backbone.downsample1_1.encode_conv.weight', 'stranger']


def test_shapes_that_differ_in_some_published_models() -> None:
    line, scale, positions = torch.randn(8, 4, 1), torch.randn(1, 4, 1, 1), torch.randn(1, 9, 4)
    converted, leftover = convert(
        {
            'block3.0.mlp.fc1_conv.weight': line,
            'block3.0.layer_scale1': scale,
            'decoder_embed.weight': torch.ones(4, 4),
            'decoder_pos_embed': positions,
        }
    )
    assert not leftover
    assert torch.equal(converted['backbone.stages.3.0.mlp.fc1.conv.weight'], line[..., None])
    assert torch.equal(converted['backbone.stages.3.0.layer_scales.0.weight'], scale.flatten())
    assert torch.equal(converted['neck.decoder_pos_embed'][:, 1:], positions)


def test_a_bias_in_front_of_a_norm_moves_into_it() -> None:
    """The neck computes the same without it."""
    weight, bias, mean, var = torch.randn(2, 3, 1, 1), *(torch.rand(3, 2) + 0.5)
    x = torch.randn(4, 3, 5, 5)
    expected = F.batch_norm(F.conv2d(x, weight, bias), mean, var)
    layer = 'neck.lateral_convs.0'
    converted, _ = convert(
        {
            f'{layer}.0.weight': weight,
            f'{layer}.0.bias': bias,
            f'{layer}.1.running_mean': mean,
            f'{layer}.1.running_var': var,
            'neck.fpn_convs.0.1.0.conv.bias': bias,  # a detector's has no norm behind it
        }
    )
    assert f'{layer}.conv.bias' not in converted
    ours = [converted[f'{layer}.bn.running_{part}'] for part in ('mean', 'var')]
    found = F.batch_norm(F.conv2d(x, converted[f'{layer}.conv.weight']), *ours)
    torch.testing.assert_close(found, expected)
    assert torch.equal(converted['neck.fpn_convs.0.conv.bias'], bias)


def test_differences_are_listed_by_tensor() -> None:
    cfg = dict(type='LinearClsHead', num_classes=5, in_channels=3)
    layout = Layout('a head', cfg)  # any part will do for the backbone
    state_dict = {'backbone.fc.weight': torch.ones(5, 3), 'backbone.fc.bias': torch.ones(5)}
    others = {'head.fc.weight': torch.ones(1), 'neck.fc.weight': torch.ones(1)}  # not recognised
    assert differences(state_dict | others, layout) == []
    wrong = {'backbone.fc.weight': torch.ones(4, 3), 'backbone.fc.more': torch.ones(2, 2)}
    assert differences(wrong, layout) == [
        'missing     backbone.fc.bias (5,)',
        'shape       backbone.fc.weight: expected (5, 3), got (4, 3)',
        'unexpected  backbone.fc.more (2, 2)',
    ]

"""Variants of a backbone: those that it takes are kept, the others are named."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config

from mmsfa.apis.backbone_variants import VARIANTS, build_backbone, variants_of
from mmsfa.errors import OptionError


def config_of(**backbone: object) -> Config:
    return Config(dict(default_scope='mmpretrain', model=dict(backbone=backbone)))


def test_a_backbone_with_attention_has_all(capsys: pytest.CaptureFixture) -> None:
    assert variants_of(config_of(type='ESpikeFormer', arch='tiny'), list(VARIANTS)) == list(
        VARIANTS
    )
    assert not capsys.readouterr().out


def test_a_variant_whose_setting_it_lacks_is_left_out_and_named(
    capsys: pytest.CaptureFixture,
) -> None:
    found = variants_of(config_of(type='SpikingResNet'), ['spiking', 'published', 'relu'])
    assert found == ['spiking', 'relu']
    assert 'published (it has no attn_cfg)' in capsys.readouterr().out


def test_none_that_is_left_is_an_error() -> None:
    with pytest.raises(OptionError, match='Add "spiking"'):
        variants_of(config_of(type='SpikingResNet'), ['published'])


def test_all_variants_begin_with_the_same_weights() -> None:
    cfg = config_of(type='ESpikeFormer', arch='tiny')
    spiking, relu = (build_backbone(cfg, VARIANTS[name]) for name in ('spiking', 'relu'))
    for one, other in zip(spiking.parameters(), relu.parameters(), strict=True):
        assert torch.equal(one, other)
    x = torch.randn(1, 3, 64, 64)
    assert not torch.equal(spiking.eval()(x)[-1], relu.eval()(x)[-1])
    assert 'neuron_cfg' not in cfg.model.backbone

"""`quantization` at the top of a config."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa.apis.trained_model import build_model
from mmsfa.compression.quantization import QuantizedLayer
from mmsfa.config.quantization import apply_quantization, check_annealing
from mmsfa.errors import OptionError
from mmsfa.model_parts import bare_model, to_predict


def test_it_goes_around_the_model(repo_dir: Path) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/cls/esf_tiny_flowers5.py')
    inner = dict(cfg.model)
    apply_quantization(cfg)
    assert cfg.model == inner
    cfg.quantization = dict(default=4, readout=None)
    apply_quantization(cfg)
    assert 'quantization' not in cfg and cfg.model.type == 'mmpretrain.Quantized'
    assert bare_model(cfg.model) == inner
    layers = [m for m in build_model(cfg).modules() if isinstance(m, QuantizedLayer)]
    assert {layer.weight_bits for layer in layers} == {4, 8}


def test_losses_go_and_quantization_stays(repo_dir: Path) -> None:
    loss = dict(rate=dict(type='FiringRateLoss'))
    cfg = Config.fromfile(repo_dir / 'configs/cls/esf_tiny_flowers5.py')
    cfg.model = dict(type='AuxiliaryLosses', of=cfg.model, losses=loss)
    cfg.quantization = 4
    apply_quantization(cfg)
    found = to_predict(cfg.model)
    assert found.type == 'mmpretrain.Quantized' and found.of.type == 'ImageClassifier'
    assert cfg.model.of.type == 'AuxiliaryLosses'


@pytest.mark.parametrize('setting', ['4', True, [4]])
def test_what_it_is_not(setting: object) -> None:
    with pytest.raises(OptionError, match='quantization must be a number of bits, or a dict'):
        apply_quantization(Config(dict(model=dict(type='A'), quantization=setting)))


def test_a_model_that_is_quantised_already_gets_the_new_bits() -> None:
    losses = dict(type='AuxiliaryLosses', of=dict(type='A', of=4), losses={})
    for model in (losses, dict(type='mmpretrain.Pruned', of=losses, widths={})):
        cfg = Config(dict(model=dict(type='mmpretrain.Quantized', of=model, quantization=4)))
        if model is not losses:  # narrow, then quantised, or the other way round
            cfg.model = dict(type='mmpretrain.Pruned', of=cfg.model, widths={})
        cfg.quantization = dict(default=8)
        inner = deepcopy(bare_model(cfg.model))
        apply_quantization(cfg)
        assert cfg.pretty_text.count('Quantized') == 1 and bare_model(cfg.model) == inner
        found = cfg.model if model is losses else cfg.model.of
        assert found.quantization == dict(default=8) and 'quantization' not in cfg


def test_what_goes_around_the_quantised_weights_is_refused() -> None:
    cfg = Config(dict(model=dict(type='A'), quantization=4, efficient_conv_bn_eval='[backbone]'))
    with pytest.raises(OptionError, match='efficient_conv_bn_eval multiplies with the float'):
        apply_quantization(cfg)


def test_annealing_needs_its_hook() -> None:
    quantizer = dict(type='mmpretrain.BinaryQuantizer', gradient='anneal')
    cfg = Config(dict(model=dict(type='A'), quantization=dict(default=quantizer)))
    check_annealing(cfg)
    apply_quantization(cfg)
    with pytest.raises(OptionError, match=r"model.quantization.default has gradient='anneal', and"):
        check_annealing(cfg)
    hook = dict(type='QuantizationAnnealHook')
    for hooks in (dict(default_hooks=dict(a=hook)), dict(custom_hooks=[hook])):
        check_annealing(Config(dict(model=cfg.model, **hooks)))

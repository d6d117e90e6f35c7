"""`quantization` at the top of a config."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa.apis.trained_model import build_model
from mmsfa.compression.quantization import QuantizedLayer
from mmsfa.config.quantization import apply_quantization
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

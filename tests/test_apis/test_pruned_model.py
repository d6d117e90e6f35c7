"""From a config and a checkpoint to those of a pruned model, for every library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import MODELS, init_default_scope

from mmsfa.apis.pruned_model import config_of, prune_trained, training_pictures
from mmsfa.apis.trained_model import build_model, load_trained
from mmsfa.compression.pruning.tracing import outputs_of
from mmsfa.config.top_level_options import merge_options
from mmsfa.errors import OptionError
from tests.helpers.lively import lively_weights

CONFIGS = Path(__file__).parents[2] / 'configs'
WIDTHS = {'backbone.a': [2]}
INNER = dict(type='ImageClassifier', backbone=dict(type='A', init_cfg=dict(type='Pretrained')))


def small(name: str, shapes_dir: Path) -> Config:
    cfg = Config.fromfile(CONFIGS / name)
    merge_options(cfg, dict(data_root=str(shapes_dir)))
    cfg.model.backbone.arch = dict(channels=(24, 48, 96, 128), depths=(1, 0, 0, 1, 0))
    return cfg


@pytest.mark.parametrize('quantization', [None, dict(type='mmpretrain.ReScaWQuantizer', bits=4)])
@pytest.mark.parametrize('name', ['det/mask_rcnn_esf_demo.py', 'seg/upernet_esf_demo.py'])
def test_a_trained_model(name: str, quantization: Any, shapes_dir: Path, tmp_path: Path) -> None:
    cfg = small(name, shapes_dir)
    if quantization:
        cfg.model = dict(
            type='mmpretrain.Quantized', of=cfg.model, quantization=dict(default=quantization)
        )
    before, after = str(tmp_path / 'before.pth'), str(tmp_path / 'after.pth')
    torch.save(dict(state_dict=lively_weights(build_model(cfg)).state_dict()), before)
    pruned = prune_trained(cfg, before, 0.5, 'svs', num=2, max_size=16)
    torch.save(dict(state_dict=pruned.model.state_dict()), after)
    pruned.config.dump(tmp_path / 'after.py')
    loaded = load_trained(Config.fromfile(tmp_path / 'after.py'), after)
    assert loaded.dataset_meta['classes']
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found, wanted = outputs_of(loaded, image), outputs_of(pruned.model, image)
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    whole, narrow = (sum(p.numel() for p in m.parameters()) for m in (build_model(cfg), loaded))
    assert narrow < 0.8 * whole
    scales = [key for key in pruned.model.state_dict() if key.endswith('weight_scale')]
    assert bool(scales) == bool(quantization)


def wrapped(kind: str, of: dict, **more: Any) -> Config:
    return Config(dict(model=dict(type=kind, of=of, **more)))


def test_the_config_of_a_pruned_model() -> None:
    found = config_of(Config(dict(model=INNER, resume=True)), WIDTHS)
    assert (found.model.type, found.model.widths) == ('mmpretrain.Pruned', WIDTHS)
    assert found.model.of.backbone.init_cfg is None and found.resume is False


def test_losses_stay_outside_and_bits_inside() -> None:
    bits = dict(type='mmpretrain.Quantized', of=INNER, quantization=4)
    model = config_of(wrapped('AuxiliaryLosses', bits, losses={}), WIDTHS).model
    assert (model.type, model.of.type, model.of.of.type) == (
        'AuxiliaryLosses', 'mmpretrain.Pruned', 'mmpretrain.Quantized',
    )  # fmt: skip


def test_a_second_pruning_overrules_the_first() -> None:
    first = wrapped('mmpretrain.Pruned', INNER, widths={'backbone.a': [4], 'backbone.b': [3]})
    model = config_of(first, WIDTHS).model
    assert model.widths == {'backbone.a': [2], 'backbone.b': [3]}
    assert model.of.type == 'ImageClassifier'


def test_configs_without_training_pictures() -> None:
    with pytest.raises(OptionError, match='no train_dataloader, and criteria of spikes'):
        training_pictures(Config(dict(model=INNER)), 2)
    with pytest.raises(OptionError, match='at least 1 picture, got 0'):
        training_pictures(Config(dict(model=INNER)), 0)


def test_a_narrow_detector_learns_on(shapes_dir: Path, tmp_path: Path) -> None:
    cfg = small('det/mask_rcnn_esf_demo.py', shapes_dir)
    path = str(tmp_path / 'before.pth')
    torch.save(dict(state_dict=lively_weights(build_model(cfg)).state_dict()), path)
    pruned = prune_trained(cfg, path, 0.5, 'l1', shared=True)
    init_default_scope('mmdet')
    model = MODELS.build(ConfigDict(pruned.config.model)).train()
    model.load_state_dict(pruned.model.state_dict())
    batches, _ = training_pictures(cfg, 1)
    data = model.data_preprocessor(next(batches), True)
    losses = model.loss(data['inputs'], data['data_samples'])
    total = sum(loss if torch.is_tensor(loss) else sum(loss) for loss in losses.values())
    total.backward()
    assert sum(p.grad is not None for p in model.parameters()) > 50

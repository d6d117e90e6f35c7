"""The LIF twin: the same network with binary neurons and real time steps."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa.apis.trained_model import build_model
from mmsfa.config.lif_twin import LIF_CFG, levels_of, to_lif_twin
from mmsfa.errors import OptionError
from mmsfa.neurons import LIF, SFA
from mmsfa.spiking.measure.observer import neurons_of

CLS = 'configs/cls/sfa_vs_lif_flowers5.py'


@pytest.fixture
def cfg(repo_dir: Path) -> Config:
    return Config.fromfile(repo_dir / CLS)


def test_the_twin_differs_in_its_neurons_only(cfg: Config) -> None:
    twin = deepcopy(cfg)
    cfg.model.backbone.neuron_cfg.D = twin.model.backbone.neuron_cfg.D = 3
    to_lif_twin(twin, dict(v_threshold=0.5))
    sfa, lif = build_model(cfg), build_model(twin)
    assert [(name, p.shape) for name, p in sfa.named_parameters()] == [
        (name, p.shape) for name, p in lif.named_parameters()
    ]
    mine, theirs = neurons_of(sfa), neurons_of(lif)
    assert mine.keys() == theirs.keys()
    assert {(type(neuron), neuron.T) for neuron in mine.values()} == {(SFA, 1)}
    assert {(type(neuron), neuron.T) for neuron in theirs.values()} == {(LIF, 3)}
    assert {neuron.v_threshold for neuron in theirs.values()} == {0.5}


def test_a_classifier_carries_time_to_its_scores(cfg: Config) -> None:
    assert levels_of(cfg) == 4
    cfg.model.backbone.neuron_cfg = dict(type='mmpretrain.SFA', D=3)
    to_lif_twin(cfg)
    assert cfg.model.backbone.neuron_cfg == LIF_CFG
    assert (cfg.model.backbone.T, cfg.model.backbone.out_time) == (3, 'batch')
    assert (cfg.model.head.type, cfg.model.head.T) == ('SpikeTemporalClsHead', 3)


def test_of_another_model_the_backbone_alone_is_changed(repo_dir: Path) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/det/mask_rcnn_esf_demo.py')
    cfg.model = dict(type='AuxiliaryLosses', of=cfg.model, losses={})  # it may have losses
    before = deepcopy(cfg.model.of)
    to_lif_twin(cfg, dict(tau=3.0))
    after = cfg.model.of
    assert after.backbone.neuron_cfg == {**LIF_CFG, 'tau': 3.0}
    assert (after.backbone.T, after.backbone.out_time) == (before.backbone.neuron_cfg.D, 'mean')
    assert {key for key in before if before[key] != after[key]} == {'backbone'}
    assert LIF_CFG['tau'] == 2.0


def test_pre_training_has_no_twin(repo_dir: Path) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/mim/spike-mae_esf_tiny_flowers5.py')
    with pytest.raises(OptionError, match='Masked pre-training has no real time steps'):
        to_lif_twin(cfg)

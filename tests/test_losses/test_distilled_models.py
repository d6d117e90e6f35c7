"""A real detector, segmentor and classifier learn from a teacher of their scope, or another."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import MODELS

from mmsfa.config.ann_twin import to_ann_twin
from mmsfa.config.lif_twin import to_lif_twin
from mmsfa.neurons import LIF, SpikingNeuron

PAIRS = [(24, 24), (48, 48), (96, 96), (128, 128)]


@pytest.fixture
def twin(config, tmp_path: Path):
    """A function that trains, so to say, the ANN twin of one kind; its config and weights."""

    def write(kind: str) -> dict:
        cfg = config(kind)
        to_ann_twin(cfg)
        torch.save(MODELS.build(deepcopy(cfg.model)).state_dict(), tmp_path / 'twin.pth')
        cfg.dump(tmp_path / 'twin.py')
        return dict(teacher=str(tmp_path / 'twin.py'), teacher_ckpt=str(tmp_path / 'twin.pth'))

    return write


@pytest.mark.slow
@pytest.mark.parametrize(
    ('kind', 'channels'),
    [('detector', PAIRS), ('segmentor', PAIRS), ('classifier', (128, 128))],
)
def test_features_of_the_ann_twin(build, batch, twin, kind: str, channels) -> None:
    """One training step; the projections are trained, and the teacher leaves no trace."""
    kd = dict(twin(kind), type='FeatureDistillationLoss', features={'backbone': 'backbone'})
    model = build(kind, dict(kd=dict(kd, channels=channels, standardize=True)))
    learnt = {name for name in model.state_dict() if name.startswith('auxiliary_losses.')}
    number = len(channels) if isinstance(channels, list) else 1
    assert len(learnt) == 2 * number
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    log = model.train_step(batch(kind), wrapper)
    assert 0 < log['loss_kd'] < 10
    after = model.state_dict()
    assert set(after) == set(before)
    # a bias means nothing where the mean is taken out
    weights = [name for name in learnt if name.endswith('weight')]
    assert not any(torch.equal(before[name], after[name]) for name in weights)


@pytest.mark.slow
def test_scores_of_the_ann_twin(build, batch, twin) -> None:
    kd = dict(twin('segmentor'), type='LogitDistillationLoss', kind='soft', tau=2.0, weight=3.0)
    model = build('segmentor', dict(kd=kd))
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    log = model.train_step(batch('segmentor'), wrapper)
    assert log['loss_kd'] > 0
    assert not any(name.startswith('auxiliary_losses.') for name in model.state_dict())


def test_a_teacher_is_no_part_of_a_twin(config, twin) -> None:
    """Neither the ANN nor the LIF twin of a config changes its teacher; losses of spikes go."""
    spiking = deepcopy(config('classifier').model)
    kd = dict(type='LogitDistillationLoss', teacher=spiking, teacher_ckpt='x.pth')
    losses = dict(kd=kd, rate=dict(type='FiringRateLoss'))

    def wrapped() -> Config:
        cfg = config('classifier')
        cfg.model = dict(type='AuxiliaryLosses', of=cfg.model, losses=deepcopy(losses))
        return cfg

    cfg = wrapped()
    to_ann_twin(cfg)
    assert list(cfg.model.losses) == ['kd'] and cfg.model.losses.kd.teacher == spiking
    model = MODELS.build(cfg.model)
    assert not any(isinstance(module, SpikingNeuron) for module in model.modules())
    cfg = wrapped()
    to_lif_twin(cfg)
    assert set(cfg.model.losses) == {'kd', 'rate'} and cfg.model.losses.kd.teacher == spiking
    model = MODELS.build(cfg.model)
    neurons = [module for module in model.modules() if isinstance(module, SpikingNeuron)]
    assert neurons and all(isinstance(neuron, LIF) for neuron in neurons)

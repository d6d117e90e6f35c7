"""The paper's headline, on one architecture: SFA (1 x D) against binary LIF with D time steps."""

from __future__ import annotations

from copy import deepcopy
from math import inf
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from mmengine.runner import Runner

from mmsfa.cls import SpikeLinearClsHead
from mmsfa.config.check_datasets import check_datasets
from mmsfa.config.scopes import class_of, scope_of, set_loader_defaults
from mmsfa.errors import OptionError
from mmsfa.model_parts import bare_model
from mmsfa.spiking import EnergyCosts, OperationCounter

TOP1 = 'top-1 (%)'
ENERGY = 'energy of an inference (mJ)'
# Of the 10M model on ImageNet over the best directly trained SNN of its class before it, which has
# another architecture: https://arxiv.org/abs/2411.16061. Keys are the figures of the benchmark.
PUBLISHED = {'training step (s)': 4.5, ENERGY: 3.9}


def check_trainable(cfg: Config) -> None:
    """Refuse a config whose twins cannot be trained and compared.

    Raises:
        OptionError: It is no classifier with a spike-driven linear head, or trains by iterations.
        UserError: The data is not there.
    """
    with MODELS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        head = class_of(bare_model(cfg.model).get('head') or {}, registry)
    if head is not SpikeLinearClsHead or not (cfg.get('train_cfg') or {}).get('max_epochs'):
        raise OptionError(
            'Only a classifier with a SpikeLinearClsHead that trains by epochs can be compared in '
            'accuracy and energy, as configs/cls/sfa_vs_lif_flowers5.py: add --epochs 0 to time '
            'the backbone only.'
        )
    for part in ('train', 'val'):
        check_datasets(cfg, part)


def shorten(cfg: Config, epochs: int) -> None:
    """Train for another number of epochs, with the same course of the learning rate.

    Args:
        cfg: A config that trains by epochs.
        epochs: The new number.
    """
    factor = epochs / cfg.train_cfg.max_epochs
    schedulers = cfg.get('param_scheduler') or []
    schedulers = schedulers if isinstance(schedulers, list) else [schedulers]
    for scheduler in schedulers:
        if scheduler.get('by_epoch', True):
            for key in ('begin', 'end', 'T_max'):
                if key in scheduler:
                    scheduler[key] = round(scheduler[key] * factor)
            if 'milestones' in scheduler:
                scheduler.milestones = [round(at * factor) for at in scheduler.milestones]
    # A warm-up of less than half an epoch is gone.
    cfg.param_scheduler = [one for one in schedulers if one.get('end', inf) > one.get('begin', 0)]
    cfg.train_cfg.max_epochs = epochs


def train_and_validate(cfg: Config, epochs: int | None, seed: int, work_dir: Path) -> dict:
    """Train a model from scratch and validate it once.

    Args:
        cfg: A classifier's config; it stays as it is.
        epochs: Number of epochs; None trains as long as the config says.
        seed: Of the weights and the order of the data.
        work_dir: Where log and checkpoint go.

    Returns:
        Figure -> value: top-1 accuracy, energy of an inference, that of its additions alone (every
        time step of a still image pays for the first layer again, and need not; a read-out of
        potentials is left out with it), firing rate.
    """
    cfg = deepcopy(cfg)
    scope_of(cfg)
    set_loader_defaults(cfg)
    epochs = epochs or cfg.train_cfg.max_epochs
    shorten(cfg, epochs)
    cfg.train_cfg.val_interval = epochs + 1  # once, below
    cfg.default_hooks.firing_rate = dict(type='FiringRateHook')
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=epochs)
    cfg.randomness = dict(seed=seed)
    cfg.work_dir = str(work_dir)
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    cfg.experiment_name = f'{work_dir.parent.name}_{work_dir.name}'
    runner = Runner.from_cfg(cfg)
    runner.train()
    found = runner.val()
    return {
        TOP1: found['accuracy/top1'],
        ENERGY: found['energy_mj/total'],
        'of it additions (mJ)': found['energy_mj/total'] - _analog_mj(runner),
        'firing rate': found['firing_rate/mean'],
    }


def _analog_mj(runner: Runner) -> float:
    """Energy of the layers that get real values, for one picture; it depends on its size only."""
    counter = OperationCounter(runner.model)
    counter.attach()
    with torch.no_grad():
        pictures = runner.model.val_step(next(iter(runner.val_dataloader)))
    counter.detach()
    macs = sum(layer.analog_macs for layer in counter.layers().values())
    return EnergyCosts().spiking_mj(macs / len(pictures), 0)

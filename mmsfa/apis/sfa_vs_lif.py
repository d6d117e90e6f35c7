"""The paper's headline, on one architecture: SFA (1 x D) against binary LIF with D time steps."""

from __future__ import annotations

import inspect
from copy import deepcopy
from math import inf
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, Registry
from mmengine.runner import Runner

from mmsfa.backbones import ESpikeFormer
from mmsfa.cls import SpikeLinearClsHead, SpikeTemporalClsHead
from mmsfa.neurons import LIF, SFA
from mmsfa.spiking import EnergyCosts, OperationCounter

from ..config.check_datasets import check_datasets
from ..config.scopes import class_of, scope_of, set_loader_defaults
from ..errors import OptionError

TOP1 = 'top-1 (%)'
ENERGY = 'energy of an inference (mJ)'
# Of the 10M model on ImageNet over the best directly trained SNN of its class before it, which has
# another architecture: https://arxiv.org/abs/2411.16061. Keys are the figures of the benchmark.
PUBLISHED = {'training step (s)': 4.5, ENERGY: 3.9}

# As directly trained spiking transformers use it: https://arxiv.org/abs/2404.03663
LIF_CFG = dict(type='mmpretrain.LIF', tau=2.0, detach_reset=True)


def levels_of(cfg: Config) -> int:
    """D of the SFA neurons of a backbone: as many real time steps does its LIF twin get.

    Args:
        cfg: The whole config.

    Raises:
        OptionError: Its neurons are no SFA neurons, or have real time steps already.
    """
    neuron = cfg.model.backbone.get('neuron_cfg') or dict(type=SFA)
    with MODELS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        backbone = class_of(cfg.model.backbone, registry)
        spiking = class_of(neuron, registry) is SFA and issubclass(backbone, ESpikeFormer)
    if not spiking or cfg.model.backbone.get('T', 1) != 1:
        raise OptionError(
            '--sfa-vs-lif needs an ESpikeFormer with SFA neurons and without real time steps '
            f'(T = 1), got neuron_cfg={dict(neuron)} and T={cfg.model.backbone.get("T", 1)} in a '
            f'{cfg.model.backbone.type}: give a config for still images.'
        )
    return neuron.get('D', 4)


def to_lif_twin(cfg: Config, options: dict[str, Any] | None = None) -> None:
    """Turn the model of a config into its LIF twin: same layers and data, D real time steps.

    The image is shown at every step, time goes through to the head, and the scores are averaged.

    Args:
        cfg: Config for still images with SFA neurons; its model is changed in place.
        options: Options of the LIF neuron that differ.

    Raises:
        OptionError: There is no LIF twin of it.
    """
    T = levels_of(cfg)
    neuron_cfg = dict(LIF_CFG, **(options or {}))
    try:
        LIF(**{key: value for key, value in neuron_cfg.items() if key != 'type'})
    except (TypeError, ValueError) as error:
        raise OptionError(f'--lif-options must be options of the LIF neuron: {error}') from None
    with MODELS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        _convert(cfg.model, neuron_cfg, registry)
        head = cfg.model.get('head') or {}
        if class_of(head, registry) is SpikeLinearClsHead:
            head.update(type=SpikeTemporalClsHead.__name__, T=T)
    cfg.model.backbone.update(T=T, out_time='fold')


def _convert(value: Any, neuron_cfg: dict, registry: Registry) -> None:
    if isinstance(value, (list, tuple)):
        for item in value:
            _convert(item, neuron_cfg, registry)
    if not isinstance(value, dict):
        return
    found = class_of(value, registry)
    if inspect.isclass(found) and 'neuron_cfg' in inspect.signature(found).parameters:
        value['neuron_cfg'] = deepcopy(neuron_cfg)
    for item in value.values():
        _convert(item, neuron_cfg, registry)


def check_trainable(cfg: Config) -> None:
    """Refuse a config whose twins cannot be trained and compared.

    Raises:
        OptionError: It is no classifier with a spike-driven linear head, or trains by iterations.
        UserError: The data is not there.
    """
    with MODELS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        head = class_of(cfg.model.get('head') or {}, registry)
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
    hooks = [hook for hook in cfg.get('custom_hooks', []) if hook['type'] != 'FiringRateHook']
    cfg.custom_hooks = [*hooks, dict(type='FiringRateHook')]
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

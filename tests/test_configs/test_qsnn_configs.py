"""Configs of Q-SNN: what is published, one training step of each, and its ANN twin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mmcv
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner

from mmsfa.backbones.spiking_vgg import VGG_SNN
from mmsfa.compression.quantization import BinaryQuantizer, QuantizedLayer
from mmsfa.config.ann_twin import to_ann_twin
from mmsfa.config.check_keys import check_keys
from mmsfa.config.check_model import check_model
from mmsfa.config.quantization import apply_quantization
from mmsfa.config.scopes import set_loader_defaults
from mmsfa.config.top_level_options import merge_options
from mmsfa.model_parts import bare_model
from mmsfa.neurons import LIF, UniformState
from mmsfa.spiking.measure.observer import neurons_of
from tests.helpers.event_files import write_recordings

CONFIGS = Path(__file__).parents[2] / 'configs'
NAMES = sorted(str(path.relative_to(CONFIGS)) for path in CONFIGS.glob('[!_]*/qsnn_*.py'))


@pytest.fixture
def small(tmp_path: Path) -> Callable[[str], Config]:
    """A config with few channels on two files of two classes."""

    def read(name: str) -> Config:
        cfg = Config.fromfile(CONFIGS / name)
        is_dvs = name.startswith('dvs')
        if is_dvs:
            write_recordings(tmp_path / 'data')
        draw = np.random.default_rng(0)
        for kind in () if is_dvs else ('airplane', 'daisy'):
            for i in range(2):
                noise = draw.integers(0, 256, (40, 40, 3), dtype=np.uint8)
                mmcv.imwrite(noise, str(tmp_path / 'data' / kind / f'{i}.png'))
        pipeline = cfg.train_dataloader.dataset.pipeline
        if not is_dvs and pipeline[0].type != 'LoadImageFromFile':  # CIFAR's are no files
            pipeline = [dict(type='LoadImageFromFile'), *pipeline]
        cfg.train_dataloader.update(batch_size=4, num_workers=0, persistent_workers=False)
        cfg.train_dataloader.dataset = dict(
            type='CustomDataset',
            data_root=str(tmp_path / 'data'),
            extensions=('.aedat', '.png'),
            pipeline=pipeline,
        )
        model = bare_model(cfg.model)
        if model.backbone.type == 'SpikingVGG':
            pools = model.backbone.get('plan', VGG_SNN)
            model.backbone.plan = [8 if isinstance(step, int) else step for step in pools]
            model.head.in_channels = 8 * 3 * 3 if is_dvs else 8
        else:
            model.backbone.update(width=8, depths=(1, 1, 1))
            model.head.in_channels = 32
        cfg.train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=1)
        cfg.param_scheduler = cfg.default_hooks.checkpoint = None
        for split in ('val', 'test'):
            for part in ('cfg', 'dataloader', 'evaluator'):
                cfg[f'{split}_{part}'] = None
        cfg.work_dir = str(tmp_path / 'run')
        cfg.randomness = dict(seed=0)
        set_loader_defaults(cfg)
        return cfg

    return read


@pytest.mark.parametrize('name', NAMES)
def test_one_training_step(small, name: str) -> None:
    shipped = Config.fromfile(CONFIGS / name)
    check_keys(shipped)
    apply_quantization(shipped)
    check_model(shipped)
    cfg = small(name)
    apply_quantization(cfg)
    runner = Runner.from_cfg(cfg)
    model = runner.model
    layers = [m for m in model.modules() if isinstance(m, QuantizedLayer)]
    assert {layer.weight_bits for layer in layers} == {1, 8}
    assert sum(layer.weight_bits == 8 for layer in layers) == 2
    for quantizer in (m for m in model.modules() if isinstance(m, BinaryQuantizer)):
        quantizer.t = 5.0
    runner.train()
    assert {m.t for m in model.modules() if isinstance(m, BinaryQuantizer)} == {0.1}
    states = [m for m in model.modules() if isinstance(m, UniformState)]
    assert len(states) == len(neurons_of(model)) > 5
    steps = bare_model(cfg.model).backbone.T
    assert {int(state.num_batches_tracked) for state in states} == {steps}
    assert {state.bits for state in states} == {4}
    assert all(weight.isfinite().all() for weight in model.parameters())
    optimizer = runner.optim_wrapper.optimizer
    moments = [s.get('momentum_buffer', s.get('exp_avg')) for s in optimizer.state.values()]
    assert all(moment.isfinite().all() for moment in moments)
    assert sum(bool(moment.any()) for moment in moments) > 0.8 * len(moments)


@pytest.mark.parametrize('name', NAMES)
def test_its_ann_twin_trains(small, name: str) -> None:
    cfg = small(name)
    cfg.quantization = None
    to_ann_twin(cfg)
    apply_quantization(cfg)
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert not neurons_of(runner.model)
    assert all(weight.isfinite().all() for weight in runner.model.parameters())


def test_the_published_recipe() -> None:
    cfg = Config.fromfile(CONFIGS / 'cls/qsnn_resnet19_1xb64_cifar10.py')
    optimizer, rate = cfg.optim_wrapper.optimizer, cfg.model.losses.rate
    assert (optimizer.type, optimizer.lr, optimizer.momentum) == ('SGD', 0.1, 0.9)
    assert (optimizer.weight_decay, cfg.train_cfg.max_epochs) == (1e-4, 300)
    assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == 64
    assert (rate.target, rate.weight, rate['skip']) == (0.5, 5e-3, ('first', 'last'))
    for bits in (8, 4, 2):
        merge_options(cfg, {'model.of.backbone.neuron_cfg.state_quant.bits': bits})
        init_default_scope(cfg.default_scope)
        with torch.device('meta'):
            neurons = neurons_of(MODELS.build(cfg.model)).values()
        assert {n.state_quant.bits for n in neurons} == {bits} and len(neurons) == 17
        assert all(isinstance(n, LIF) and n.hooks.strict and not n.detach_reset for n in neurons)


def test_misspelt_settings_of_membranes_are_refused() -> None:
    cfg = Config.fromfile(CONFIGS / 'cls/qsnn_resnet19_1xb64_cifar10.py')
    merge_options(cfg, {'model.of.backbone.neuron_cfg.state_quant.bit': 4})
    init_default_scope(cfg.default_scope)
    with pytest.raises(ValueError, match="'bit'.*UniformState takes bits, squash"):
        MODELS.build(cfg.model)


def test_a_detector_takes_membranes_by_their_short_name() -> None:
    cfg = Config.fromfile(CONFIGS / 'dvs/mask_rcnn_esf_events_demo.py')
    neuron = dict(type='mmpretrain.SFA', D=4, state_quant=dict(type='UniformState', bits=4))
    cfg.model.backbone.neuron_cfg = neuron
    check_keys(cfg)
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):
        backbone = MODELS.build(cfg.model.backbone)
    assert all(n.state_quant.bits == 4 for n in neurons_of(backbone).values())

"""configs/dvs: the published recipe, and small trainings on event tensors in three libraries."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner

from mmsfa.config.check_model import check_model
from mmsfa.config.top_level_options import merge_options
from mmsfa.neurons import SpikingNeuron

CONFIGS = Path(__file__).parents[2] / 'configs' / 'dvs'
HERE = [
    f'{split}_dataloader.{option}'
    for split in ('train', 'val', 'test')
    for option in ('num_workers=0', 'persistent_workers=False')
]


def read(name: str, work_dir: Path) -> Config:
    cfg = Config.fromfile(CONFIGS / name)
    cfg.work_dir = str(work_dir)
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].update(num_workers=0, persistent_workers=False)
    return cfg


def logged(work_dir: Path, key: str) -> list[float]:
    """Every value that a run has logged under a name."""
    (log,) = work_dir.glob('*/vis_data/scalars.json')
    return [line[key] for line in map(json.loads, log.open()) if key in line]


def learn_by_heart(cfg: Config, indices: list[int]) -> None:
    """Few samples without augmentation, a constant learning rate, every loss in the log."""
    pipeline = cfg.val_dataloader.dataset.pipeline
    cfg.train_dataloader.dataset.update(indices=indices, pipeline=pipeline)
    cfg.param_scheduler = cfg.default_hooks.checkpoint = None
    cfg.default_hooks.logger = dict(type='LoggerHook', interval=1, log_metric_by_epoch=False)
    cfg.log_processor.window_size = 1


# --- HAR-DVS


def test_har_dvs_is_the_published_model_and_recipe() -> None:
    cfg = Config.fromfile(CONFIGS / 'esf_har_dvs.py')
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model)
    backbone = 18_626_504 - 7 * 7 * 32  # one channel less than a picture in the first layer
    layer_scales = 3 * (6 * 256 + 2 * 360)
    head = 360 * 300 + 300
    assert sum(p.numel() for p in model.parameters()) == backbone + layer_scales + head
    neurons = [module for module in model.modules() if isinstance(module, SpikingNeuron)]
    assert len(neurons) == 105
    assert {(n.T, n.D, n.norm, n.beta, n.rounding) for n in neurons} == {(8, 4, 1, 0, 'half_even')}
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.weight_decay) == ('AdamW', 1e-2)
    assert optimizer.lr == pytest.approx(4e-5 * 72 / 256)
    assert cfg.optim_wrapper.clip_grad.max_norm == 1
    assert cfg.train_cfg.max_epochs == 100 and cfg.param_scheduler[0].end == 10
    assert cfg.default_hooks.ema.momentum == pytest.approx(1 - 0.999)
    assert cfg.model.head.loss.label_smooth_val == 0.1
    assert cfg.train_dataloader.batch_size * 3 == cfg.auto_scale_lr.base_batch_size == 72


def test_without_leak_the_steps_of_har_dvs_are_independent() -> None:
    cfg = Config.fromfile(CONFIGS / 'esf_har_dvs.py')
    init_default_scope(cfg.default_scope)
    cfg.model.backbone.update(arch='tiny', layer_scale_init=1.0)
    cfg.model.head.in_channels = 128
    model = MODELS.build(cfg.model).eval()
    events = torch.rand(2, 16, 64, 64)
    shuffled = events.unflatten(1, (8, 2))[:, torch.randperm(8)].flatten(1, 2)
    assert torch.allclose(model(events), model(shuffled), atol=1e-5)


@pytest.mark.slow
def test_har_dvs_trains_and_is_evaluated(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for clip, frames in enumerate((9, 4)):
        folder = tmp_path / f'action_{clip}'
        folder.mkdir()
        for index in range(frames):
            picture = rng.choice([10, 128, 255], (60, 80)).astype(np.uint8)
            cv2.imwrite(str(folder / f'{index:03d}.png'), picture)
    for split in ('train', 'val', 'test'):
        (tmp_path / f'{split}_label.txt').write_text('action_0 0\naction_1 1\n')
    cfg = read('esf_har_dvs.py', tmp_path / 'run')
    merge_options(cfg, dict(data_root=str(tmp_path)))
    cfg.model.backbone.arch = 'tiny'
    cfg.model.head.in_channels = 128
    cfg.train_cfg.max_epochs = 1
    for split in ('train', 'val'):
        steps = cfg[f'{split}_dataloader'].dataset.pipeline
        steps[1].scale, steps[2].crop_size = 64, 64
        cfg[f'{split}_dataloader'].collate_fn = dict(type='default_collate')
    runner = Runner.from_cfg(cfg)
    runner.train()
    moments = [state['exp_avg'] for state in runner.optim_wrapper.optimizer.state.values()]
    assert all(moment.isfinite().all() for moment in moments)
    assert sum(bool(moment.any()) for moment in moments) > 0.9 * len(moments)
    assert logged(tmp_path / 'run', 'accuracy/top1')


# --- N-MNIST


@pytest.mark.slow
def test_nmnist_learns_one_recording_of_each_digit(shared_data, tmp_path: Path) -> None:
    cfg = read('esf_nmnist.py', tmp_path)
    merge_options(cfg, dict(data_root=str(shared_data('nmnist_small'))))
    learn_by_heart(cfg, indices=list(range(0, 600, 60)))
    cfg.train_dataloader.batch_size = 10
    cfg.train_cfg.update(max_epochs=15, val_interval=15)
    Runner.from_cfg(cfg).train()
    losses = logged(tmp_path, 'loss')
    assert losses[0] == pytest.approx(np.log(10), abs=0.1)
    assert len(losses) == 15 and losses[-1] < 0.9 * losses[0]


def test_nmnist_through_the_tools(call_tool: Callable[..., str], shared_data, tmp_path) -> None:
    root = f'data_root={shared_data("nmnist_small")}'
    few = [f'{split}_dataloader.dataset.indices=20' for split in ('train', 'val', 'test')]
    config, options = CONFIGS / 'esf_nmnist.py', ['--cfg-options', root, *HERE, *few]
    run, pictures = tmp_path / 'run', tmp_path / 'pictures'
    short = ('train_cfg.max_epochs=1', 'default_hooks.checkpoint.interval=1')
    call_tool('tools/train.py', config, '--work-dir', run, *options, *short)
    call_tool('tools/test.py', config, run / 'epoch_1.pth', '--work-dir', tmp_path / 'test',
              '--show-dir', pictures, *options)  # fmt: skip
    drawn = [cv2.imread(str(path)) for path in pictures.glob('*.png')]
    assert len(drawn) == 20
    assert all(min(picture.shape[:2]) >= 128 and picture.std() > 10 for picture in drawn)


def test_spike_times_learn_first_events(shared_data, tmp_path: Path) -> None:
    cfg = read('ttfs_nmnist.py', tmp_path)
    check_model(cfg)
    merge_options(cfg, dict(data_root=str(shared_data('nmnist_small'))))
    learn_by_heart(cfg, indices=list(range(0, 600, 60)))
    cfg.val_dataloader.dataset.indices = 20
    cfg.train_dataloader.batch_size = 10
    cfg.train_cfg.update(max_epochs=20, val_interval=20)
    Runner.from_cfg(cfg).train()
    losses = logged(tmp_path, 'loss')
    assert losses[0] == pytest.approx(np.log(10), abs=0.1)
    assert len(losses) == 20 and losses[-1] < 0.7 * losses[0]
    assert logged(tmp_path, 'accuracy/top1')


# --- detection and segmentation


@pytest.mark.parametrize(('name', 'score'), [
    ('mask_rcnn_esf_events_demo.py', 'coco/segm_mAP'),
    ('upernet_esf_events_demo.py', 'mIoU'),
])  # fmt: skip
@pytest.mark.slow
def test_dense_models_learn_from_events(shapes_dir: Path, tmp_path: Path, name, score) -> None:
    cfg = read(name, tmp_path)
    merge_options(cfg, dict(data_root=str(shapes_dir)))
    learn_by_heart(cfg, indices=[0, 1])
    cfg.train_dataloader.batch_size = 2
    if 'max_epochs' in cfg.train_cfg:
        cfg.train_cfg.update(max_epochs=12, val_interval=12)
    else:
        cfg.train_cfg.update(max_iters=12, val_interval=12)
    runner = Runner.from_cfg(cfg)
    neurons = [m for m in runner.model.backbone.modules() if isinstance(m, SpikingNeuron)]
    assert neurons and all(neuron.T == 3 for neuron in neurons)
    runner.train()
    losses = logged(tmp_path, 'loss')
    assert len(losses) == 12 and min(losses) < 0.9 * losses[0]
    assert logged(tmp_path, score)

"""Configs of QP-SNN: one training step at their bits, then pruned and trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mmcv
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmsfa.apis.pruned_model import prune_trained
from mmsfa.compression.quantization import QuantizedLayer
from mmsfa.config.check_keys import check_keys
from mmsfa.config.check_model import check_model
from mmsfa.config.quantization import apply_quantization
from mmsfa.config.scopes import set_loader_defaults
from mmsfa.config.top_level_options import merge_options

CONFIGS = Path(__file__).parents[2] / 'configs'
NAMES = sorted(str(path.relative_to(CONFIGS)) for path in CONFIGS.glob('[!_]*/qpsnn_*.py'))


@pytest.fixture
def small(tmp_path: Path, shapes_dir: Path) -> Callable[[str], Config]:
    """A config with few channels on four pictures; CIFAR's lie in no files of their own."""

    def read(name: str) -> Config:
        cfg = Config.fromfile(CONFIGS / name)
        if cfg.default_scope == 'mmdet':
            merge_options(cfg, dict(data_root=str(shapes_dir)))
            cfg.model.backbone.arch.depths = (1, 0, 0, 1, 0)
            cfg.model.train_cfg.rcnn.sampler.num = 16
            batch = 2
        else:
            _four_pictures(tmp_path / 'data')
            pipeline = [dict(type='LoadImageFromFile'), *cfg.train_dataloader.dataset.pipeline]
            cfg.train_dataloader.dataset = dict(
                type='CustomDataset', data_root=str(tmp_path / 'data'), pipeline=pipeline
            )
            body = cfg.model.backbone
            if 'plan' in body:
                body.plan = [8 if isinstance(step, int) else step for step in body.plan]
            else:
                body.update(width=8, depths=(1, 1, 1))
            cfg.model.head.in_channels = 8 if 'plan' in body else 32
            batch = 4
        cfg.train_dataloader.update(batch_size=batch, num_workers=0, persistent_workers=False)
        cfg.train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=1)
        cfg.param_scheduler = cfg.default_hooks.checkpoint = None
        for split in ('val', 'test'):
            for part in ('cfg', 'dataloader', 'evaluator'):
                cfg[f'{split}_{part}'] = None
        cfg.work_dir = str(tmp_path / 'run')
        set_loader_defaults(cfg)
        apply_quantization(cfg)
        return cfg

    return read


def _four_pictures(folder: Path) -> None:
    for i in range(4):
        noise = np.random.default_rng(i).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        mmcv.imwrite(noise, str(folder / 'ab'[i % 2] / f'{i}.png'))


def trained(cfg: Config) -> torch.nn.Module:
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert all(weight.isfinite().all() for weight in runner.model.parameters())
    return runner.model


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_it_trains_is_pruned_and_trains_on(small, name: str, tmp_path: Path) -> None:
    shipped = Config.fromfile(CONFIGS / name)
    check_keys(shipped)
    apply_quantization(shipped)
    check_model(shipped)
    cfg = small(name)
    model = trained(cfg)
    layers = [m for m in model.modules() if isinstance(m, QuantizedLayer)]
    assert sum(layer.weight_bits == 4 for layer in layers) > 3
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'whole.pth')
    pruned = prune_trained(cfg, str(tmp_path / 'whole.pth'), 0.5, num=2, max_size=8)
    torch.save(dict(state_dict=pruned.model.state_dict()), tmp_path / 'narrow.pth')
    pruned.config.load_from = str(tmp_path / 'narrow.pth')
    narrow = trained(pruned.config)
    assert sum(p.numel() for p in narrow.parameters()) < sum(p.numel() for p in model.parameters())
    fixed = [m for m in narrow.modules() if getattr(m, 'weight_scale', None) is not None]
    assert fixed


def test_the_published_recipe() -> None:
    cfg = Config.fromfile(CONFIGS / 'cls/qpsnn_vgg16_1xb256_cifar10.py')
    optimizer, bits = cfg.optim_wrapper.optimizer, cfg.quantization
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('SGD', 0.1, 1e-5)
    assert (cfg.train_cfg.max_epochs, cfg.param_scheduler.type) == (300, 'CosineAnnealingLR')
    assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == 256
    assert bits.default.bits == 4 and bits.stem is None and bits.readout is None

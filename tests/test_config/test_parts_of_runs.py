"""Every part that a Runner builds, and what it takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS

from mmsfa.config.parts_of_runs import parts_of_run


@pytest.fixture(scope='module')
def accepted(repo_dir: Path) -> dict:
    cfg = Config.fromfile(repo_dir / 'configs/det/mask_rcnn_esf_demo.py')
    cfg.merge_from_dict({'optim_wrapper.paramwise_cfg.custom_keys': dict(backbone=dict(lr_mult=1))})
    cfg.auto_scale_lr = dict(enable=False)
    cfg.custom_hooks = [dict(type='EMAHook', momentum=0.1)]
    with DATASETS.switch_scope_and_registry('mmdet'):
        return {key: names for key, _, names in parts_of_run(cfg)}


@pytest.mark.parametrize(
    ('part', 'key', 'misspelt'),
    [
        ('train_cfg', 'val_interval', 'val_interva'),
        ('val_cfg', 'fp16', 'fp61'),
        ('auto_scale_lr', 'base_batch_size', 'batch_size'),
        ('env_cfg', 'cudnn_benchmark', 'cudn_benchmark'),
        ('log_processor', 'window_size', 'windowsize'),
        ('train_dataloader', 'num_workers', 'workers'),
        ('train_dataloader.sampler', 'shuffle', 'shufle'),
        ('train_dataloader.dataset', 'ann_file', 'annfile'),
        ('train_dataloader.dataset', 'filter_cfg', 'filter_cg'),
        ('train_dataloader.dataset.filter_cfg', 'min_size', 'filter_empty'),
        ('train_dataloader.dataset.metainfo', 'my_words', 'clases'),
        ('train_dataloader.dataset.metainfo', 'CLASSES', 'pallete'),
        ('train_dataloader.dataset.pipeline.1', 'with_mask', 'with_masks'),
        ('val_evaluator', 'metric', 'metrics'),
        ('optim_wrapper', 'clip_grad', 'clip_gradient'),
        ('optim_wrapper', 'paramwise_cfg', 'paramwise'),
        ('optim_wrapper.optimizer', 'weight_decay', 'weight_decya'),
        ('optim_wrapper.paramwise_cfg', 'norm_decay_mult', 'norm_decay'),
        ('optim_wrapper.paramwise_cfg.custom_keys.backbone', 'lars_exclude', 'decay_mul'),
        ('param_scheduler.0', 'begin', 'begn'),
        ('default_hooks', 'timer', 'checkpont'),
        ('default_hooks.logger', 'interval', 'intervall'),
        ('custom_hooks.0', 'priority', 'prioriti'),
        ('visualizer', 'vis_backends', 'vis_backend'),
    ],
)
def test_each_part_knows_its_keys(accepted: dict, part: str, key: str, misspelt: str) -> None:
    if part == 'custom_hooks.0':  # what it does not know goes to the averaged model
        assert not accepted[part].refuses('gamma')
    assert not accepted[part].refuses(key)
    assert accepted[part].refuses(misspelt)


def test_settings_without_a_hook_are_refused() -> None:
    cfg = Config(dict(default_hooks=dict(checkpont=dict(interval=1), timer=None)))
    (names,) = [names for key, _, names in parts_of_run(cfg) if key == 'default_hooks']
    assert names.refuses('checkpont') and not names.refuses('timer')


def test_a_config_of_almost_nothing() -> None:
    cfg = Config(dict(train_cfg=None, optim_wrapper=dict(generator=dict(x=1)), val_dataloader=3))
    assert [key for key, _, _ in parts_of_run(cfg)] == ['default_hooks']

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmsfa.config.check_values import check_begins, check_config, say_accumulation
from mmsfa.errors import OptionError

CONFIGS = sorted((Path(__file__).parents[2] / 'configs').glob('[!_]*/*.py'))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_pass(path: Path) -> None:
    check_config(Config.fromfile(path))


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('train_dataloader.num_workers', 10**9),
        ('train_dataloader.num_workers', -1),
        ('val_dataloader.num_workers', 'two'),
        ('train_dataloader.batch_size', 0),
        ('train_dataloader.batch_size', 2.5),
        ('test_dataloader.batch_size', 10**9),
        ('train_dataloader.prefetch_factor', 10**9),
        ('model.neck.num_outs', 10**9),
        ('model.roi_head.mask_head.num_convs', 10**6),
        ('model.roi_head.bbox_head.num_classes', 10**18),
        ('model.backbone.arch.depths', [1, 10**6, 1, 1, 1]),
    ],
)
def test_absurd_numbers_are_named(repo_dir: Path, key: str, value: Any) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/det/mask_rcnn_esf_demo.py')
    cfg.merge_from_dict({key: value})
    with pytest.raises(OptionError, match=key.replace('.', r'\.')):
        check_config(cfg)


def test_bounds_may_be_large_and_machines_too(repo_dir: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, 'cpu_count', lambda: 512)
    cfg = Config.fromfile(repo_dir / 'configs/det/mask_rcnn_esf_demo.py')
    cfg.merge_from_dict(
        {'model.test_cfg.rpn.max_per_img': 10**9, 'train_dataloader.num_workers': 200}
    )
    check_config(cfg)


def test_a_config_without_a_model() -> None:
    with pytest.raises(OptionError, match='model must be a dict with a type, got None'):
        check_config(Config(dict(train_dataloader=None)))


ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / 'configs').glob('[!_]*/*.py'))


def test_a_run_shorter_than_its_warm_up_is_refused(run_tool: Callable, shared_data) -> None:
    options = [f'data_root={shared_data("flowers5")}', 'train_cfg.max_epochs=2']
    config = 'configs/cls/esf_tiny_flowers5_lamb.py'
    done = run_tool('tools/train.py', config, '--cfg-options', *options)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        'Error: param_scheduler.1 (CosineAnnealingLR) begins at epoch 2, but the run ends after 2. '
        'Set train_cfg.max_epochs above 2, or param_scheduler=None for a constant learning rate.'
    )


def test_iterations_are_counted_too() -> None:
    decay = dict(type='PolyLR', by_epoch=False, begin=10)
    check_begins(Config(dict(train_cfg=dict(max_iters=11), param_scheduler=[decay])))
    with pytest.raises(OptionError, match='begins at iter 10, but the run ends after 9'):
        check_begins(Config(dict(train_cfg=dict(max_iters=9), param_scheduler=[decay])))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.name)
def test_shipped_schedules_are_sound(path: Path) -> None:
    check_begins(Config.fromfile(path))


def test_accumulation_is_said_where_iterations_are_counted() -> None:
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    warm_up = dict(type='LinearLR', by_epoch=False, end=500)
    schedule = [warm_up, dict(type='CosineAnnealingLR', by_epoch=True, begin=1)]
    try:
        for every, schedulers in ((4, schedule), (1, schedule), (4, schedule[1:]), (4, None)):
            optim = dict(accumulative_counts=every, optimizer=dict(type='SGD', lr=1))
            say_accumulation(Config(dict(optim_wrapper=optim, param_scheduler=schedulers)))
    finally:
        logger.removeHandler(handler)
    assert len(said) == 1
    assert 'param_scheduler.0 (LinearLR: 500 iterations are 125 steps) follow' in said[0]

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from mmsfa.engine.config_check import check_config
from mmsfa.engine.errors import OptionError

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

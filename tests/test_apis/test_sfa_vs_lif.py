"""What two twins need so that their trainings can be compared."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa.apis.sfa_vs_lif import check_trainable, shorten
from mmsfa.config.check_datasets import MissingDatasetError
from mmsfa.errors import OptionError

CLS = 'configs/cls/sfa_vs_lif_flowers5.py'


@pytest.fixture
def cfg(repo_dir: Path) -> Config:
    return Config.fromfile(repo_dir / CLS)


def test_a_training_is_shortened_with_its_schedule(cfg: Config) -> None:
    shorten(cfg, 6)
    assert cfg.train_cfg.max_epochs == 6
    assert [(s.get('begin', 0), s.end) for s in cfg.param_scheduler] == [(0, 1), (1, 6)]
    shorten(cfg, 1)  # no room for a warm-up
    assert [(s.get('begin', 0), s.end) for s in cfg.param_scheduler] == [(0, 1)]


def test_milestones_move_and_iterations_stay(cfg: Config) -> None:
    cfg.train_cfg.max_epochs = 10
    cfg.param_scheduler = [
        dict(type='LinearLR', by_epoch=False, begin=0, end=500),
        dict(type='MultiStepLR', milestones=[5, 9], end=10),
        dict(type='CosineAnnealingLR', begin=4, T_max=6, end=10),
        dict(type='ConstantLR'),
    ]
    shorten(cfg, 20)
    warm_up, steps, cosine, constant = cfg.param_scheduler
    assert (warm_up.end, steps.milestones, steps.end) == (500, [10, 18], 20)
    assert (cosine.begin, cosine.T_max, cosine.end) == (8, 12, 20)
    assert constant == dict(type='ConstantLR') and cfg.train_cfg.max_epochs == 20


def test_a_single_scheduler_or_none_will_do(cfg: Config) -> None:
    epochs = cfg.train_cfg.max_epochs
    cfg.param_scheduler = dict(type='CosineAnnealingLR', T_max=epochs)
    shorten(cfg, 2 * epochs)
    assert cfg.param_scheduler == [dict(type='CosineAnnealingLR', T_max=2 * epochs)]
    cfg.param_scheduler = None
    shorten(cfg, 3)
    assert cfg.param_scheduler == [] and cfg.train_cfg.max_epochs == 3


def test_what_cannot_be_compared_is_refused(cfg: Config, tmp_path: Path) -> None:
    cfg.data_root = str(tmp_path)
    for part in (cfg.train_dataloader, cfg.val_dataloader):
        part.dataset.data_root = str(tmp_path / 'gone')
    with pytest.raises(MissingDatasetError, match='gone'):
        check_trainable(cfg)
    by_iteration = deepcopy(cfg)
    by_iteration.train_cfg = dict(by_epoch=False, max_iters=100)
    no_head, other_head = deepcopy(cfg), deepcopy(cfg)
    del no_head.model.head
    other_head.model.head.type = 'LinearClsHead'
    for wrong in (by_iteration, no_head, other_head):
        with pytest.raises(OptionError, match='Only a classifier with a SpikeLinearClsHead that'):
            check_trainable(wrong)

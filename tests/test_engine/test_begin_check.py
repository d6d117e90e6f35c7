"""A run that is shorter than its warm-up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa.engine.errors import OptionError
from mmsfa.engine.schedule.begin_check import check_begins

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / 'configs').glob('[!_]*/*.py'))


def test_a_run_shorter_than_its_warm_up_is_refused(run_python: Callable, shared_data) -> None:
    options = [f'data_root={shared_data("flowers5")}', 'train_cfg.max_epochs=2']
    config = 'configs/cls/esf_tiny_flowers5_lamb.py'
    done = run_python('tools/train.py', config, '--cfg-options', *options)
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

"""The segmentor of spike times: it is built from its config, takes steps and predicts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import MODELS

import mmsfa.seg  # noqa: F401
from mmsfa.config.check_model import check_model
from mmsfa.config.top_level_options import merge_options

CONFIG = Path(__file__).parents[2] / 'configs/seg/ttfs_shapes.py'


@pytest.mark.parametrize('readout', ['potential', 'first_spike'])
def test_each_pixel_is_a_race(readout: str) -> None:
    head = MODELS.build(
        dict(type='TTFSSegHead', in_channels=4, num_classes=3, readout=readout, align_corners=False)
    )
    scores = head((torch.rand(2, 4, 6, 5),))
    assert scores.shape == (2, 3, 6, 5) and scores.isfinite().all()


def test_the_config_trains(shapes_dir: Path, tmp_path: Path) -> None:
    cfg = Config.fromfile(CONFIG)
    check_model(cfg)
    merge_options(cfg, dict(data_root=str(shapes_dir)))
    cfg.work_dir = str(tmp_path)
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.dataset.indices = cfg.val_dataloader.dataset.indices = 2
    cfg.train_dataloader.batch_size = 2
    cfg.train_cfg.update(max_iters=2, val_interval=2)
    cfg.param_scheduler = cfg.default_hooks.checkpoint = None
    runner = Runner.from_cfg(cfg)
    before = [weight.detach().clone() for weight in runner.model.parameters()]
    runner.train()
    after = list(runner.model.parameters())
    assert all(weight.isfinite().all() for weight in after)
    assert not any(torch.equal(one, other) for one, other in zip(before, after, strict=True))

"""A demo run is resumed with another length; its schedule is counted by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from mmengine.optim import CosineAnnealingLR, LinearLR
from torch import nn


def rate_by_hand(end: int) -> float:
    """Of the demo configs behind the last of so many iterations, the first of them warm-up."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2e-3)
    schedulers = [
        LinearLR(optimizer, start_factor=0.01, by_epoch=False, begin=0, end=1),
        CosineAnnealingLR(optimizer, by_epoch=False, begin=1, end=end, eta_min=1e-5),
    ]
    for _ in range(end):
        for scheduler in schedulers:
            scheduler.step()
    return optimizer.param_groups[0]['lr']


@pytest.mark.filterwarnings('ignore:.*optimizer.step')
@pytest.mark.parametrize(
    ('config', 'option', 'name', 'each'),
    [
        ('det/mask_rcnn_esf_demo.py', 'max_epochs', 'epoch_{}.pth', 2),
        ('seg/upernet_esf_demo.py', 'max_iters', 'iter_{}.pth', 1),
    ],
)
def test_a_demo_run_is_made_longer(
    run_tool: Callable[..., CompletedProcess],
    shapes_dir: Path, tmp_path: Path, config: str, option: str, name: str, each: int,
) -> None:  # fmt: skip
    """The shipped configs write their ends out; epochs have two iterations here."""
    short, long = 4 // each, 6 // each

    def run(length: int, *more: str) -> str:
        done = run_tool(
            'tools/train.py', f'configs/{config}', '--work-dir', tmp_path, '--no-validate', *more,
            '--cfg-options', f'data_root={shapes_dir}', f'train_cfg.{option}={length}',
            'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
            'train_dataloader.batch_size=4', 'param_scheduler.0.end=1',
            'param_scheduler.1.begin=1', 'param_scheduler.1.end=4',
            f'default_hooks.checkpoint.interval={length}', OMP_NUM_THREADS='1',
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    def rate(length: int) -> float:
        checkpoint = torch.load(tmp_path / name.format(length), weights_only=False)
        return checkpoint['optimizer']['param_groups'][0]['lr']

    run(short)
    assert rate(short) == rate_by_hand(4)
    log = run(long, '--resume')
    assert rate(long) == rate_by_hand(6)
    (line,) = re.findall(r'Resuming at .*', log)
    assert f' {short} of {long} (was {short}): ' in line
    assert 'the end of CosineAnnealingLR moves from 4 to 6' in line

"""A training whose loss is lost ends in a sentence and without a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest


@pytest.mark.parametrize(
    ('config', 'length'),
    [('det/mask_rcnn_esf_demo.py', 'max_epochs'), ('seg/upernet_esf_demo.py', 'max_iters')],
)
def test_a_learning_rate_far_too_high_ends_in_a_sentence(
    run_tool: Callable[..., CompletedProcess],
    shapes_dir: Path, tmp_path: Path, config: str, length: str,
) -> None:  # fmt: skip
    done = run_tool(
        'tools/train.py', f'configs/{config}', '--work-dir', tmp_path, '--no-validate',
        '--cfg-options', f'data_root={shapes_dir}', f'train_cfg.{length}=20',
        'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
        'train_dataloader.batch_size=4', 'optim_wrapper.optimizer.lr=1e30',
        'param_scheduler=None', 'optim_wrapper.clip_grad=None', OMP_NUM_THREADS='1',
    )  # fmt: skip
    assert done.returncode == 1, done.stdout[-2000:]
    error = done.stderr.strip().splitlines()[-1]
    assert re.match(r'Error: Iteration \d+: the loss', error), done.stderr[-3000:]
    assert 'There is no checkpoint yet' in error and not list(tmp_path.glob('*.pth'))

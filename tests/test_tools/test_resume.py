"""`tools/train.py --resume` with spoilt and missing checkpoints in the work dir."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch

SEG = 'configs/seg/upernet_esf_demo.py'
LOADERS = [
    f'{split}_dataloader.{option}'
    for split in ('train', 'val', 'test')
    for option in ('num_workers=0', 'persistent_workers=False', 'batch_size=2')
]
Train = Callable[..., CompletedProcess]


@pytest.fixture(scope='module')
def train(run_tool: Train, shapes_dir: Path) -> Train:
    """Train the demo segmentor for some iterations, with a checkpoint after each."""

    def run(work_dir: Path, iters: int, *args: object, options: tuple = ()) -> CompletedProcess:
        options = (
            f'data_root={shapes_dir}', *LOADERS, f'train_cfg.max_iters={iters}',
            'default_hooks.checkpoint.interval=1', 'default_hooks.checkpoint.max_keep_ckpts=3',
            *options,
        )  # fmt: skip
        return run_tool(
            'tools/train.py', SEG, '--work-dir', work_dir, '--no-validate', *args,
            '--cfg-options', *options, OMP_NUM_THREADS='1',
        )  # fmt: skip

    return run


@pytest.fixture(scope='module')
def trained(train: Train, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work dir with iter_1.pth and iter_2.pth; copy it."""
    work_dir = tmp_path_factory.mktemp('seg') / 'run'
    done = train(work_dir, 2)
    assert done.returncode == 0, done.stderr[-4000:]
    return work_dir


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of `trained`, to be spoilt."""
    copy = Path(shutil.copytree(trained, tmp_path / 'run'))
    (copy / 'last_checkpoint').write_text(str(copy / 'iter_2.pth'))
    return copy


def test_a_truncated_newest_checkpoint_costs_one_interval(train: Train, run: Path) -> None:
    os.truncate(run / 'iter_2.pth', 10_000)
    (run / '.iter_3.pth.77.partial').write_text('of a killed run')
    done = train(run, 3, '--resume')
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-4000:]
    (warning,) = {line for line in text.splitlines() if 'Resume: ' in line}
    assert str(run / 'iter_2.pth') in warning
    assert f'goes on from {run / "iter_1.pth"} instead' in warning
    assert 'resumed epoch: 0, iter: 1' in text and 'is not defined in message_hub' not in text
    assert torch.load(run / 'iter_3.pth', weights_only=False)['meta']['iter'] == 3
    assert (run / 'last_checkpoint').read_text() == str(run / 'iter_3.pth')
    assert not list(run.glob('.*.partial'))


def test_a_run_never_starts_anew_over_broken_checkpoints(train: Train, run: Path) -> None:
    os.truncate(run / 'iter_2.pth', 10_000)
    weights = torch.load(run / 'iter_1.pth', weights_only=False)['state_dict']
    torch.save(weights, run / 'iter_1.pth')
    done = train(run, 3, '--resume')
    message = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    for part in ('Error: No checkpoint in', 'iter_2.pth', 'iter_1.pth', 'it has no meta', 'anew'):
        assert part in message
    assert (run / 'iter_2.pth').stat().st_size == 10_000


def test_pretrained_weights_stay_when_there_is_nothing_to_resume(
    train: Train, trained: Path, tmp_path: Path
) -> None:
    pretrained = trained / 'iter_2.pth'
    done = train(
        tmp_path, 1, '--resume', options=(f'load_from={pretrained}', 'optim_wrapper.optimizer.lr=0')
    )
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-4000:]
    assert 'holds no checkpoint yet, so this run starts anew' in text
    before, after = (
        torch.load(path, weights_only=False) for path in (pretrained, tmp_path / 'iter_1.pth')
    )
    name = 'decode_head.conv_seg.weight'
    assert after['meta']['iter'] == 1
    assert torch.equal(before['state_dict'][name], after['state_dict'][name])


def test_the_stock_hook_resumes_from_the_last_good_one_too(train: Train, run: Path) -> None:
    os.truncate(run / 'iter_2.pth', 10_000)
    stock = ('default_hooks.checkpoint.type=CheckpointHook',)
    done = train(run, 2, '--resume', options=stock)
    assert done.returncode == 0, done.stderr[-4000:]
    assert 'resumed epoch: 0, iter: 1' in done.stdout + done.stderr

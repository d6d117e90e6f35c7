"""A training that was killed again and again ends with the weights of one that never was."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmsfa.apis.trained_model import build_model
from mmsfa.checkpoint.loading import safe_load

SCRIPT = 'tests/test_tools/kill_and_resume.py'
DET = ('configs/det/mask_rcnn_esf_demo.py', '--iters', 20, '--last', 'epoch_5.pth')
SEG = ('configs/seg/upernet_esf_demo.py', '--iters', 20, '--last', 'iter_20.pth')
ARCH = dict(channels=(24, 48, 96, 128), depths=(1, 1, 0, 1, 0))  # few blocks are as much to resume
SMALL = [f'model.backbone.arch.{key}={list(value)}'.replace(' ', '') for key, value in ARCH.items()]
SMALL += ['model.backbone.arch._delete_=True']
DET_OPTIONS = ['train_cfg.max_epochs=5', 'train_cfg.val_interval=2']
SEG_OPTIONS = ['train_cfg.max_iters=20', 'train_cfg.val_interval=7']
BY_EPOCH = ['default_hooks.checkpoint.interval=1']
BY_ITER = [  # also within an epoch of four
    'default_hooks.checkpoint.interval=3',
    'default_hooks.checkpoint.by_epoch=False',
]
CASES = {
    'det': (DET, [*DET_OPTIONS, *BY_EPOCH]),
    'seg': (SEG, [*SEG_OPTIONS, *BY_ITER]),
}


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('case', CASES)
def test_a_killed_run_ends_as_one_that_was_not(
    run_tool: Callable, shapes_dir: Path, tmp_path: Path, case: str, workers: int
) -> None:
    (config, *length), options = CASES[case]
    done = run_tool(
        SCRIPT, config, *length, '--work-dir', tmp_path, '--seed', workers, '--cfg-options',
        f'data_root={shapes_dir}', 'train_dataloader.batch_size=2',
        f'train_dataloader.num_workers={workers}', 'val_dataloader.num_workers=0',
        f'train_dataloader.persistent_workers={workers > 0}',
        'val_dataloader.persistent_workers=False', 'model.backbone.drop_path_rate=0.3',
        *SMALL, *options, OMP_NUM_THREADS='1',
    )  # fmt: skip
    logs = ''.join(path.read_text()[-3000:] for path in tmp_path.glob('*.log'))
    assert done.returncode == 0, done.stderr + logs
    found = json.loads(done.stdout.splitlines()[-1])
    assert found['ends'] == [0, *[signal.SIGKILL] * 5, 0], logs
    assert found['whole'] == found['killed']


CONFIG = """
_base_ = '{root}/configs/seg/upernet_esf_demo.py'
custom_imports = dict(imports=['mmsfa', 'mmsfa.seg', 'kill_hook'])
data_root = '{data}'
_base_.model.backbone.update(drop_path_rate=0.3, arch={arch})
maps = [(24, 24), (48, 48), (96, 96), (128, 128)]
kd = dict(
    type='FeatureDistillationLoss', teacher='{root}/configs/seg/upernet_esf_demo.py',
    teacher_ckpt='{teacher}', features=dict(backbone='backbone'), channels=maps)
losses = dict(rate=dict(type='FiringRateLoss', target=0.1), kd=kd)
model = dict(_delete_=True, type='AuxiliaryLosses', of=_base_.model, losses=losses)
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(data_root=data_root))
val_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(data_root=data_root))
train_cfg = dict(max_iters=6, val_interval=4)
default_hooks = dict(checkpoint=dict(interval=2), kill=dict(type='KillHook'))
"""
KILL_HOOK = """
import os, signal
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class KillHook(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if os.environ.get('KILL_AT') == str(runner.iter) and get_rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(torch.cuda.is_available(), reason='gloo is for machines without GPU')
def test_two_processes_of_which_one_is_killed(
    repo_dir: Path, shapes_dir: Path, tmp_path: Path, free_port: Callable, run_tool: Callable
) -> None:
    """The launcher ends, and the resumed run gives what an uninterrupted one does.

    The model has auxiliary losses, which learn projections themselves.
    """
    config, teacher = tmp_path / 'config.py', tmp_path / 'teacher.pth'
    plain = Config.fromfile(repo_dir / 'configs/seg/upernet_esf_demo.py')
    torch.save(build_model(plain).state_dict(), teacher)
    config.write_text(CONFIG.format(root=repo_dir, data=shapes_dir, teacher=teacher, arch=ARCH))
    (tmp_path / 'kill_hook.py').write_text(KILL_HOOK)
    path = os.pathsep.join([str(tmp_path), str(repo_dir)])

    def train(name: str, *more: str) -> str:
        done = run_tool(
            'tests/helpers/ranks.py', 2, free_port(), 'tools/train.py', config,
            '--work-dir', tmp_path / name, *more, OMP_NUM_THREADS='1', PYTHONPATH=path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout + done.stderr

    train('whole')
    env = dict(OMP_NUM_THREADS='1', PYTHONPATH=path, PORT=str(free_port()), KILL_AT='4')
    killed = subprocess.run(
        ['tools/dist_train.sh', config, '2', '--work-dir', tmp_path / 'killed'],
        cwd=repo_dir, env={**os.environ, **env, 'PYTHON': sys.executable}, timeout=900,
        capture_output=True,
    )  # fmt: skip
    assert killed.returncode != 0
    assert (tmp_path / 'killed' / 'iter_4.pth').exists()
    resumed = train('killed', '--resume')
    assert 'resumed epoch: 0, iter: 4' in resumed
    digest = runpy.run_path(str(repo_dir / SCRIPT))['digest']
    whole, killed = (digest(tmp_path / name / 'iter_6.pth') for name in ('whole', 'killed'))
    assert whole == killed
    first, last = (safe_load(tmp_path / 'whole' / f'iter_{i}.pth')['state_dict'] for i in (4, 6))
    learnt = [name for name in last if name.startswith('auxiliary_losses.kd.')]
    assert len(learnt) == 8 and not any(torch.equal(first[name], last[name]) for name in learnt)

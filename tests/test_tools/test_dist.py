"""Two processes on the CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

SEG = 'configs/seg/upernet_esf_demo.py'

CONFIG = """
_base_ = '{root}/configs/seg/upernet_esf_demo.py'
custom_imports = dict(imports=['mmsfa', 'mmsfa.seg', 'probe_hooks', 'use_{dtype}'])
model = dict(backbone=dict(arch=dict(
    _delete_=True, channels=(24, 48, 96, 128), depths=(1, 1, 0, 1, 0))))
default_scope = 'mmseg'
train_pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
                  dict(type='PackSegInputs')]
train_dataloader = dict(
    batch_size={batch_size}, num_workers=0, persistent_workers=False,
    dataset=dict(data_root='{data}', pipeline=train_pipeline))
val_cfg = val_dataloader = val_evaluator = None
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters={iters})
optim_wrapper = dict(
    _delete_=True, type='OptimWrapper', optimizer=dict(type='SGD', lr={lr}, momentum=0.9))
param_scheduler = []
randomness = dict(seed=0)
default_hooks = dict(checkpoint=None)
custom_hooks = [dict(type='SyncNormStatsHook'), dict(type='{probe}', folder='{out}')]
"""

PROBES = """
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class SaveEachStep(Hook):
    priority = 'LOWEST'

    def __init__(self, folder):
        self.folder = folder

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        path = f'{self.folder}/rank{get_rank()}_step{runner.iter}.pt'
        torch.save(runner.model.module.state_dict(), path)


@HOOKS.register_module()
class FixedNorm(Hook):
    priority = 'LOWEST'

    def __init__(self, folder):
        self.folder = folder

    def before_train(self, runner):
        for name, buffer in runner.model.named_buffers():
            if name.endswith('running_var'):
                buffer.fill_(0.05)  # else hardly a neuron of an untrained network fires
        self.save(runner, 'before')

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        for module in runner.model.modules():
            if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.Dropout2d)):
                module.eval()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.save(runner, 'after')

    def save(self, runner, name):
        model = getattr(runner.model, 'module', runner.model)
        torch.save(dict(model.named_parameters()), f'{self.folder}/{name}_rank{get_rank()}.pt')
"""


@pytest.fixture
def train(tmp_path: Path, repo_dir: Path, shapes_dir: Path, free_port, run_tool: Callable):
    """Train a toy run, with one process or with two, and give the folder of its probes."""
    (tmp_path / 'probe_hooks.py').write_text(PROBES)
    for dtype in ('float32', 'float64'):
        (tmp_path / f'use_{dtype}.py').write_text(
            f'import torch\ntorch.set_default_dtype(torch.{dtype})\n'
        )

    def run(processes: int, **settings: object) -> Path:
        out = tmp_path / f'{processes}_processes'
        out.mkdir()
        config = tmp_path / f'config_{processes}.py'
        config.write_text(CONFIG.format(root=repo_dir, data=shapes_dir, out=out, **settings))
        done = run_tool(
            'tests/helpers/ranks.py', processes, free_port(), 'tools/train.py', config,
            '--work-dir', tmp_path / f'work_{processes}', OMP_NUM_THREADS='1',
            PYTHONPATH=os.pathsep.join([str(tmp_path), str(repo_dir)]),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        if processes > 1:
            assert 'No GPU is found: 2 processes' in done.stdout + done.stderr
        return out

    return run


needs_cpu = pytest.mark.skipif(torch.cuda.is_available(), reason='gloo is for machines without GPU')


@needs_cpu
def test_replicas_stay_bit_identical(train) -> None:
    out = train(2, iters=5, batch_size=2, lr=0.01, probe='SaveEachStep', dtype='float32')
    before = None
    for step in range(5):
        mine, theirs = (torch.load(out / f'rank{rank}_step{step}.pt') for rank in (0, 1))
        # running statistics of BatchNorm included
        assert all(torch.equal(mine[key], theirs[key]) for key in mine), step
        assert before is None or any(not torch.equal(mine[key], before[key]) for key in mine)
        before = mine


@needs_cpu
def test_the_gradient_is_that_of_the_whole_batch(train) -> None:
    """One step of SGD with rate 1 and no momentum yet: the weights move by the gradient."""
    settings = dict(iters=1, lr=1.0, probe='FixedNorm', dtype='float64')
    two = train(2, batch_size=2, **settings)
    one = train(1, batch_size=4, **settings)
    before = torch.load(one / 'before_rank0.pt')
    together, apart = (torch.load(folder / 'after_rank0.pt') for folder in (one, two))
    moved = 0
    for name, start in before.items():
        gradient = start - together[name]
        assert gradient.dtype is torch.float64
        torch.testing.assert_close(start - apart[name], gradient, rtol=1e-6, atol=1e-9)
        moved += bool(gradient.abs().max() > 1e-5)
    assert moved > len(before) / 2


@needs_cpu
def test_two_processes_test_as_one_does(
    repo_dir: Path, shapes_dir: Path, tmp_path: Path, free_port: Callable, run_tool: Callable
) -> None:
    """Also the firing rates, which are summed over them; the script that users type starts them."""
    cfg = Config.fromfile(repo_dir / SEG)
    init_default_scope(cfg.default_scope)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'weights.pth')
    found = []
    env = {'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(repo_dir)}
    for processes in (1, 2):
        work_dir = tmp_path / str(processes)
        options = [
            '--work-dir', work_dir, '--cfg-options', f'data_root={shapes_dir}',
            'test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False',
        ]  # fmt: skip
        if processes == 1:
            done = run_tool('tools/test.py', SEG, tmp_path / 'weights.pth', *options, **env)
        else:
            done = subprocess.run(
                ['tools/dist_test.sh', SEG, tmp_path / 'weights.pth', '2', *options], cwd=repo_dir,
                env={**os.environ, **env, 'PORT': str(free_port())}, timeout=900,
                capture_output=True, text=True,
            )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        (written,) = work_dir.glob('*/*.json')
        found.append(json.loads(written.read_text()))
    one, two = ({k: v for k, v in values.items() if 'time' not in k} for values in found)
    assert 'firing_rate/mean' in one and one == pytest.approx(two, rel=1e-5)


@pytest.mark.parametrize(
    ('script', 'args', 'called'),
    [
        ('train', ['CONFIG', 'WORK_DIR'], 'train.py CONFIG --work-dir=WORK_DIR'),
        ('test', ['CONFIG', 'CHECKPOINT'], 'test.py CONFIG CHECKPOINT'),
    ],
)
def test_slurm_scripts(
    repo_dir: Path, tmp_path: Path, script: str, args: list[str], called: str
) -> None:
    """What they ask Slurm for, told by a program of its name."""
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\necho "$@"\n')
    srun.chmod(0o755)
    env = {**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'GPUS': '16'}
    command = [repo_dir / f'tools/slurm_{script}.sh', 'PARTITION', 'JOB', *args]
    command += ['--cfg-options', 'a=1']
    said = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    assert said.startswith('-p PARTITION --job-name=JOB --gres=gpu:8 --ntasks=16')
    assert said.rstrip().endswith('--launcher=slurm --cfg-options a=1')
    assert f'tools/{called}' in said

"""SIGKILL in the middle of saves, a disk that is full, two processes that must agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch

from mmsfa.checkpoint.saving import atomic_write

KILL = Path(__file__).with_name('kill_during_saves.py')


def test_a_kill_during_a_save_costs_one_interval_at_most(
    run_python: Callable[..., CompletedProcess], tmp_path: Path
) -> None:
    options = ('--kills', 6, '--megabytes', 30, '--work-dir', tmp_path / 'run')
    done = run_python(KILL, *options, OMP_NUM_THREADS='1')
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout)
    # `python tests/test_checkpoint/test_saving/kill_during_saves.py --hook CheckpointHook` shows
    # what these figures are without the hook.
    bad = {name: n for name, n in found.items() if name not in ('kills', 'during_a_write')}
    assert found['kills'] == 6 and not any(bad.values()), found


FULL_DISK = """
import sys
from pathlib import Path

from mmengine.runner import Runner
from tests.test_checkpoint.test_saving.kill_during_saves import Tell, train
from mmsfa.cli.options import run_tool

work_dir = Path(sys.argv[1])
run_tool(lambda: train(work_dir, 'AtomicCheckpointHook', 3, keep=-1, pipe=sys.stdout))
"""


def namespace() -> list[str]:
    """How to get a private mount table here: as root, or as the root of a user namespace."""
    for how in (['unshare', '-m'], ['unshare', '-rm']):
        command = [*how, 'sh', '-c', 'mount -t tmpfs none /mnt']
        try:
            if subprocess.run(command, capture_output=True).returncode == 0:
                return how
        except FileNotFoundError:
            break
    pytest.skip('a small disk cannot be mounted: neither root nor user namespaces are allowed')


@pytest.mark.slow
def test_a_full_disk_stops_with_a_sentence_and_costs_nothing(
    tmp_path: Path, repo_dir: Path
) -> None:
    disk, rest = tmp_path / 'disk', tmp_path / 'rest'
    disk.mkdir()
    (tmp_path / 'train.py').write_text(FULL_DISK)
    script = (
        f'mount -t tmpfs -o size=10m none {disk} && '  # room for three checkpoints
        f'{sys.executable} {tmp_path}/train.py {disk}/run; code=$?; cp -a {disk}/run {rest}; '
        f'exit $code'
    )
    env = os.environ | dict(PYTHONPATH=str(repo_dir), OMP_NUM_THREADS='1', PYTHONUNBUFFERED='1')
    done = subprocess.run(
        [*namespace(), 'sh', '-c', script], env=env, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 1, done.stderr[-4000:]
    message = done.stderr.strip().splitlines()[-1]
    reached = int(done.stdout.split()[-1])
    assert reached == 4 and 'Traceback' not in done.stderr
    for part in (f'{disk}/run/iter_4.pth needs 3,', 'bytes and ', 'are free', '--resume'):
        assert part in message, message
    assert {path.name for path in rest.glob('*.pth')} == {'iter_1.pth', 'iter_2.pth', 'iter_3.pth'}
    assert not [path for path in rest.iterdir() if path.name.endswith('.partial')]
    assert (rest / 'last_checkpoint').read_text() == f'{disk}/run/iter_3.pth'
    assert torch.load(rest / 'iter_3.pth', weights_only=False)['meta']['iter'] == 3


TWO = """
import os
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import barrier, get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from tests.test_checkpoint.test_saving.kill_during_saves import Net
from mmsfa.cli.options import run_tool
from mmsfa.config.cpu_processes import use_gloo_without_gpu


cfg = Config(dict(launcher='pytorch'))


class Say(Hook):
    def before_train(self, runner):
        print(get_rank(), Path(str(runner._load_from)).name, file=sys.stderr)


def train(epochs):
    Runner(
        model=Net(0.1), work_dir=sys.argv[1], experiment_name=f'e{epochs}',
        train_dataloader=dict(
            dataset=[dict(inputs=torch.ones(1))] * 4, batch_size=2,
            sampler=dict(type='DefaultSampler', shuffle=False)),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-3, momentum=0.9)),
        default_hooks=dict(checkpoint=dict(type='AtomicCheckpointHook', max_keep_ckpts=2,
                                           interval=1)),
        custom_hooks=[Say()], resume=True, cfg=cfg, launcher='pytorch',
        env_cfg=cfg.env_cfg,
    ).train()


def truncate(*names):
    barrier()
    if get_rank() == 0:
        print('files', *sorted(path.name for path in Path(sys.argv[1]).glob('*.pth')),
              file=sys.stderr)
        for name in names:
            os.truncate(Path(sys.argv[1], name), 100)
    barrier()


def main():
    use_gloo_without_gpu(cfg)
    train(3)
    truncate('epoch_3.pth')
    train(4)
    truncate('epoch_3.pth', 'epoch_4.pth')
    train(5)


run_tool(main)
"""


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason='gloo is for machines without GPU')
def test_two_processes_agree_on_what_to_resume_from(
    tmp_path: Path, repo_dir: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / 'train.py').write_text(TWO)
    env = os.environ | dict(
        PYTHONPATH=str(repo_dir), OMP_NUM_THREADS='1', WORLD_SIZE='2',
        MASTER_ADDR='127.0.0.1', MASTER_PORT=str(free_port()),
    )  # fmt: skip
    ranks = [
        subprocess.Popen(
            [sys.executable, tmp_path / 'train.py', tmp_path / 'run'],
            env=env | dict(RANK=str(rank), LOCAL_RANK=str(rank)),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    for rank, process in enumerate(ranks):
        said = process.communicate(timeout=900)[1]
        assert f'{rank} None\n' in said and f'{rank} epoch_2.pth\n' in said, said
        assert process.returncode == 1 and 'Traceback' not in said, said
        assert said.splitlines()[-1].startswith(f'Error on rank {rank}: No checkpoint in')
        if rank == 0:
            # epoch_3.pth was written again and then pushed epoch_2.pth out
            files = [line for line in said.splitlines() if line.startswith('files')]
            assert files == ['files epoch_2.pth epoch_3.pth', 'files epoch_3.pth epoch_4.pth']


def test_a_written_file_is_an_ordinary_one(tmp_path: Path) -> None:
    ordinary, link, target = (tmp_path / name for name in ('ordinary', 'link', 'target'))
    ordinary.write_bytes(b'old')
    link.symlink_to(target)
    atomic_write(link, b'new')
    assert link.is_symlink() and target.read_bytes() == b'new'
    assert target.stat().st_mode == ordinary.stat().st_mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ['link', 'ordinary', 'target']

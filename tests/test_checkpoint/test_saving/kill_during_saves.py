"""Kill a training again and again while it saves; count what each kill leaves to resume from.

The training does little but save. Each round resumes it, lets it save once, kills it (SIGKILL) at
a random moment of a save and looks at what is there. With ``--hook CheckpointHook`` the same
happens to mmengine's own hook, whose runs start from whatever good file is left, or anew.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from rich.progress import track
from torch import nn

from mmsfa.checkpoint.saving import NoResumableCheckpointError, newest_resumable
from mmsfa.checkpoint.saving.resumable_file import fault_of


class Net(BaseModel):
    """As many numbers as fill a checkpoint of the wanted size, with the optimizer's."""

    def __init__(self, megabytes: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(int(megabytes * 2**20 / 8)))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        """Return a loss."""
        return dict(loss=self.weight[:8].sum() * torch.stack(inputs).sum())


class Tell(Hook):
    """Tells the killer where the training stands."""

    def __init__(self, pipe: IO[str]) -> None:
        self.pipe = pipe

    def before_train(self, runner: Runner) -> None:
        """The iteration that the run starts from."""
        print(runner.iter, file=self.pipe, flush=True)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """The iteration that is done and will be saved now."""
        print(runner.iter + 1, file=self.pipe, flush=True)


def train(work_dir: Path, hook: str, megabytes: float, keep: int, pipe: IO[str]) -> None:
    """Train for ever, with a checkpoint after each iteration."""
    Runner._log_env = lambda self, env_cfg: None  # asks compilers for their versions, for a second
    start = None if hook == 'AtomicCheckpointHook' else newest(work_dir)[0]
    runner = Runner(
        model=Net(megabytes),
        work_dir=str(work_dir),
        train_dataloader=dict(
            dataset=[dict(inputs=torch.ones(1))] * 10**4,  # mmengine sleeps 2 s at each end
            batch_size=2,
            sampler=dict(type='DefaultSampler', shuffle=False),
        ),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=10**6),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-3, momentum=0.9)),
        default_hooks=dict(
            checkpoint=dict(type=hook, by_epoch=False, interval=1, max_keep_ckpts=keep)
        ),
        custom_hooks=[Tell(pipe)],
        resume=hook == 'AtomicCheckpointHook' or start is not None,
        load_from=start,
        experiment_name=f'kill{os.getpid()}',
        log_level='WARNING',
    )
    runner.train()


def run_and_kill(work_dir: Path, options: argparse.Namespace, moment: float) -> list[int]:
    """Start a training, kill it after its first save.

    Args:
        work_dir: Of the training.
        options: Of this tool.
        moment: When, as a part of the time from one save to the next.

    Returns:
        The iteration that it started from, then those that it finished.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            with open(work_dir / 'output.txt', 'w') as output:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                train(
                    work_dir, options.hook, options.megabytes, options.keep, os.fdopen(write, 'w')
                )
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = [pipe.readline(), pipe.readline()]
        begin = time.monotonic()
        told.append(pipe.readline())
        time.sleep((time.monotonic() - begin) * moment)
        os.kill(child, signal.SIGKILL)
        told += pipe.readlines()
    _, status = os.waitpid(child, 0)
    if not (os.WIFSIGNALED(status) and told[2]):
        sys.exit('The training ended by itself:\n' + (work_dir / 'output.txt').read_text()[-4000:])
    return [int(line) for line in told]


def newest(work_dir: Path) -> tuple[str | None, int]:
    """The checkpoint that a resume would take, and its iteration; (None, 0) without a good one."""
    try:
        path = newest_resumable(work_dir)
    except NoResumableCheckpointError:
        return None, 0
    return path, torch.load(path, weights_only=False)['meta']['iter'] if path else 0


def kill_many(work_dir: Path, options: argparse.Namespace) -> dict[str, int]:
    """Kill one run after another in the same work dir.

    Returns:
        How many kills fell into a save, and what they left.
    """
    draw = random.Random(options.seed)
    found = dict.fromkeys(
        ('kills', 'during_a_write', 'pointer_is_bad', 'nothing_readable', 'too_old', 'wrong_start'),
        0,
    )
    expected = 0
    for _ in track(range(options.kills), f'Killing {options.hook}', disable=not os.isatty(2)):
        first, *done = run_and_kill(work_dir, options, draw.random())
        found['kills'] += 1
        found['wrong_start'] += first != expected
        pointer = work_dir / 'last_checkpoint'
        files = [*work_dir.glob('*.pth'), *work_dir.glob('.*.partial')]
        found['during_a_write'] += any(map(fault_of, files))
        named = Path(pointer.read_text()) if pointer.exists() else None
        found['pointer_is_bad'] += named is None or fault_of(named) is not None
        path, expected = newest(work_dir)
        found['nothing_readable'] += path is None
        found['too_old'] += path is not None and done[-1] - expected > 1
        if path is None:
            shutil.rmtree(work_dir)
            work_dir.mkdir()
    return found


def main() -> None:
    """Run the experiment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--kills', type=int, default=100)
    parser.add_argument('--hook', default='AtomicCheckpointHook')
    parser.add_argument('--keep', type=int, default=1, help='max_keep_ckpts')
    parser.add_argument('--megabytes', type=float, default=30, help='size of a checkpoint')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--work-dir', type=Path, help='default: a temporary folder')
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        work_dir = options.work_dir or Path(folder)
        work_dir.mkdir(parents=True, exist_ok=True)
        print(json.dumps(kill_many(work_dir, options)))


if __name__ == '__main__':
    main()

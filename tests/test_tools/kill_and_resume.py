"""Train whole, and killed and resumed again and again; print the hashes of both results.

    python tests/test_tools/kill_and_resume.py CONFIG --work-dir DIR [--kills 5] [--stock]
        [--cfg-options ...]

A process that has imported everything forks one child for each run of tools/train.py. A child
kills itself with SIGKILL at a random iteration, in the middle of a save or after it as it comes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import runpy
import signal
import sys
from pathlib import Path

import torch
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from torch import Tensor

import mmsfa.det
import mmsfa.seg  # noqa: F401  registers, before the fork

ROOT = Path(__file__).resolve().parents[2]
OURS = ('data_check', 'sync_norm_stats', 'exact_resume', 'numerics', 'schedule')
NO_HOOKS = [
    'default_hooks.checkpoint.type=CheckpointHook',
    *(f'default_hooks.{name}=None' for name in OURS),
]
# What the stack does without mmsfa's loops and hooks.
STOCK = {
    'epoch': ['train_cfg.type=EpochBasedTrainLoop', *NO_HOOKS],
    'iter': ['train_cfg.type=IterBasedTrainLoop', *NO_HOOKS],
}


def digest(path: Path) -> str:
    """SHA-256 of the weights, the optimizer's state and the schedule in a checkpoint."""
    total = hashlib.sha256()

    def add(value: object) -> None:
        if isinstance(value, Tensor):
            total.update(value.contiguous().numpy().tobytes())
        elif isinstance(value, dict):
            for key in sorted(value, key=str):
                total.update(str(key).encode())
                add(value[key])
        elif isinstance(value, (list, tuple)):
            for one in value:
                add(one)
        else:
            total.update(repr(value).encode())

    checkpoint = torch.load(path, map_location='cpu', weights_only=False)
    add([checkpoint[key] for key in ('state_dict', 'optimizer', 'param_schedulers')])
    return total.hexdigest()


def die_at(iteration: int, before: bool) -> None:
    """Make the loops of this process end it without a word."""
    for loop in (EpochBasedTrainLoop, IterBasedTrainLoop):
        run_iter = loop.run_iter

        def killing(self, *args, run_iter=run_iter):
            if self._iter == iteration and before:
                os.kill(os.getpid(), signal.SIGKILL)
            run_iter(self, *args)
            if self._iter == iteration + 1:
                os.kill(os.getpid(), signal.SIGKILL)

        loop.run_iter = killing


def train(argv: list[str], log: Path, kill: tuple[int, bool] | None = None) -> int:
    """Run tools/train.py in a child; give the signal that ended it, or minus its exit code."""
    child = os.fork()
    if child == 0:
        with log.open('a') as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        code = 1
        try:
            torch.set_num_threads(1)
            if kill:
                die_at(*kill)
            sys.argv = ['tools/train.py', *argv]
            runpy.run_path(str(ROOT / 'tools' / 'train.py'), run_name='__main__')
            code = 0
        except SystemExit as end:
            print(end.code, file=sys.stderr)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)


def main() -> None:
    """Compare the two ways to the end of a training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('--work-dir', type=Path, required=True)
    parser.add_argument('--iters', type=int, required=True, help='length of the training')
    parser.add_argument('--last', required=True, help='name of the last checkpoint')
    parser.add_argument('--kills', type=int, default=5)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--stock', choices=list(STOCK), help='without the loops and hooks of mmsfa')
    parser.add_argument('--cfg-options', nargs='+', default=[])
    args = parser.parse_args()
    options = [*args.cfg_options, *STOCK.get(args.stock, [])]
    draw = random.Random(args.seed)
    steps = sorted(draw.sample(range(args.iters), args.kills))
    kills = [(step, draw.random() < 0.5) for step in steps]
    args.work_dir.mkdir(parents=True, exist_ok=True)

    def run(name: str, *more: str, kill: tuple[int, bool] | None = None) -> int:
        argv = [args.config, '--work-dir', str(args.work_dir / name), *more]
        log = args.work_dir / f'{name}.log'
        return train([*argv, '--cfg-options', *options], log, kill)

    ends = [run('whole')]
    ends += [run('killed', '--resume', kill=kill) for kill in kills]
    ends.append(run('killed', '--resume'))
    found = {name: digest(args.work_dir / name / args.last) for name in ('whole', 'killed')}
    equal = found['whole'] == found['killed']
    print(json.dumps(dict(kills=kills, ends=ends, equal=equal, **found)))


if __name__ == '__main__':
    main()

"""What a hook costs: validations with and without it take turns in one run.

Example:
    python tools/analysis_tools/benchmark_hooks.py configs/det/mask_rcnn_esf_demo.py \
        work_dirs/mask_rcnn_esf_demo/epoch_7.pth --hook FiringRateHook
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mmsfa.cli.options import add_model_options, read_config, run_tool
from mmsfa.config.check_datasets import check_datasets
from mmsfa.config.scopes import scope_of, set_loader_defaults
from mmsfa.errors import OptionError


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_model_options(parser, device=False)
    parser.add_argument('--hook', default='FiringRateHook', help='default: %(default)s')
    parser.add_argument('--repeats', type=int, default=5, help='rounds that count, after one more')
    parser.add_argument('--out', type=Path, help='also write the seconds as JSON')
    args = parser.parse_args()
    if args.repeats < 1:
        parser.error(f'--repeats must be at least 1 round, got {args.repeats}')
    return args


def build_runner(cfg: Config, checkpoint: str, work_dir: str) -> Runner:
    """A runner that only validates."""
    scope_of(cfg)
    set_loader_defaults(cfg)
    check_datasets(cfg, 'val')
    cfg.work_dir, cfg.load_from = work_dir, checkpoint
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = cfg.param_scheduler = None
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    cfg.log_level = 'WARNING'
    return Runner.from_cfg(cfg)


def split_hooks(runner: Runner, name: str) -> tuple[list[Hook], list[Hook]]:
    """All hooks of a runner, and all but the ones of that name.

    Raises:
        OptionError: The runner has no such hook.
    """
    hooks = list(runner.hooks)
    others = [hook for hook in hooks if type(hook).__name__ != name]
    if len(others) == len(hooks):
        known = ', '.join(sorted(type(hook).__name__ for hook in hooks))
        raise OptionError(f'--hook must name a hook of the config: {known}; got {name!r}.')
    return hooks, others


def seconds(runner: Runner, hooks: list[Hook]) -> float:
    """Duration of one validation with these hooks."""
    runner.hooks[:] = hooks
    begin = time.perf_counter()
    runner.val()
    return time.perf_counter() - begin


def main() -> None:
    """Measure and print."""
    args = parse_args()
    cfg = read_config(args)
    with tempfile.TemporaryDirectory() as work_dir:
        runner = build_runner(cfg, args.checkpoint, work_dir)
        every, others = split_hooks(runner, args.hook)
        rounds = []
        for number in track(range(args.repeats + 1), 'rounds'):
            taken = {}
            order = (every, others) if number % 2 else (others, every)  # the second is warmer
            for hooks in order:
                taken[hooks is every] = seconds(runner, hooks)
            if number:  # the first round warms up
                rounds.append((taken[True], taken[False]))
    ratio = statistics.median(one / other for one, other in rounds)
    table = Table('validation', 'seconds (median)', title=f'{args.config}, {args.hook}')
    for name, values in zip(('with', 'without'), zip(*rounds, strict=True), strict=True):
        table.add_row(name, f'{statistics.median(values):.2f}')
    table.add_row('ratio, median of the rounds', f'{ratio:.3f}')
    Console().print(table)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(dict(hook=args.hook, rounds=rounds, ratio=ratio)))


if __name__ == '__main__':
    run_tool(main)

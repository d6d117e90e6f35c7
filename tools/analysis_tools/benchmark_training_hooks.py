"""Which share of a training step each hook takes, and the training loader beyond its samples.

Example:
    python tools/analysis_tools/benchmark_training_hooks.py configs/det/mask_rcnn_esf_demo.py
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmengine.registry import HOOKS
from mmengine.runner import Runner
from rich.console import Console
from rich.table import Table

from mmsfa.cli.options import add_config_options, read_config, run_tool
from mmsfa.config.check_datasets import check_datasets
from mmsfa.config.scopes import scope_of, set_loader_defaults
from mmsfa.engine.loader import ResumableDataLoader
from mmsfa.engine.plain_model import plain_model
from mmsfa.errors import OptionError

LOADER = 'ResumableDataLoader'
WARM_UP = 5  # steps that do not count


class Enough(Exception):
    """As many steps as wanted were measured."""


class TimedRunner(Runner):
    """Measures the seconds that its hooks spend in its training steps.

    A step lasts from the end of one to the end of the next, its data included; what hooks do
    between two epochs, such as saving, is left out. On a GPU a hook that waits for the device is
    charged for what it waits for. After `wanted` steps that count `Enough` ends the training.
    """

    wanted = 50

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.steps: list[float] = []
        self._begin: float | None = None
        super().__init__(*args, **kwargs)

    def per_step(self) -> dict[str, float]:
        """Milliseconds in one step: of each hook, of the loader beyond its data set's samples."""
        spent = dict(self.seconds)
        if LOADER in spent:
            spent[LOADER] -= spent.pop('samples', 0.0)
        counted = max(len(self.steps), 1)
        return {name: 1000 * seconds / counted for name, seconds in spent.items()}

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call all hooks at one point of the training, and measure those within a step."""
        for hook in self.hooks:
            if hasattr(hook, fn_name):
                call = getattr(hook, fn_name)
                if fn_name in ('before_train_iter', 'after_train_iter'):
                    call = self._timed(type(hook).__name__, call)
                call(self, **kwargs)
        if fn_name == 'before_train':
            self._time_inner_hooks()
            self._time_loader()
        elif fn_name == 'before_train_epoch':
            self._begin = time.perf_counter()
        elif fn_name == 'after_train_iter':
            self._end_step()

    def _end_step(self) -> None:
        now = time.perf_counter()
        if self._counts() and self._begin is not None:
            self.steps.append(now - self._begin)
        self._begin = now
        if len(self.steps) >= self.wanted:
            raise Enough

    def _counts(self) -> bool:
        return self.iter >= WARM_UP

    def _timed(self, name: str, function: Callable) -> Callable:
        def call(*args: Any, **kwargs: Any) -> Any:
            begin = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                if self._counts():
                    self.seconds[name] += time.perf_counter() - begin

        return call

    def _time_inner_hooks(self) -> None:
        """Those that our hooks have put into the model and the optimizer."""
        model, optimizer = plain_model(self), self.optim_wrapper.optimizer
        names = {hook.__module__: hook.__name__ for hook in HOOKS.module_dict.values()}
        # torch gives out no list of them; each stays at its place.
        for inner in (model._forward_hooks, optimizer._optimizer_step_pre_hooks):
            for key, function in inner.items():
                if function.__module__ in names:
                    inner[key] = self._timed(names[function.__module__], function)

    def _time_loader(self) -> None:
        loader = self.train_dataloader
        if isinstance(loader, ResumableDataLoader) and loader.num_workers == 0:
            fetcher = loader.fetcher
            fetcher.dataset = TimedSamples(fetcher.dataset, self._timed)
            batches: Any = loader.batches.dataset
            batches.load_batch = self._timed(LOADER, fetcher)


class TimedSamples:
    """Stands in for a data set and measures how long its own samples take."""

    def __init__(self, dataset: Any, timed: Callable) -> None:
        self._dataset = dataset
        self._get = timed('samples', dataset.__getitem__)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dataset, name)

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Any:
        return self._get(index)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_config_options(parser)
    parser.add_argument('--steps', type=int, default=50, help='that count, after five more')
    parser.add_argument('--out', type=Path, help='also write the milliseconds as JSON')
    args = parser.parse_args()
    if args.steps < 1:
        parser.error(f'--steps must be at least 1 step, got {args.steps}')
    return args


def main() -> None:
    """Measure and print."""
    args = parse_args()
    cfg = read_config(args)
    scope_of(cfg)
    set_loader_defaults(cfg)
    check_datasets(cfg, 'train')
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    # In this process, where its time can be told apart.
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.pop('prefetch_factor', None)
    with tempfile.TemporaryDirectory() as cfg.work_dir:
        runner = TimedRunner.from_cfg(cfg)
        runner.wanted = args.steps
        with suppress(Enough):
            runner.train()
    if not runner.steps:
        raise OptionError(
            f'{args.config} trains no more than the {WARM_UP} steps that do not count: '
            'lengthen train_cfg with --cfg-options.'
        )
    step = 1000 * statistics.mean(runner.steps)
    found = runner.per_step()
    table = Table('in one step', 'ms', 'share', title=f'{args.config}, {len(runner.steps)} steps')
    for name, spent in sorted(found.items(), key=lambda row: -row[1]):
        table.add_row(name, f'{spent:.3f}', f'{spent / step:.2%}')
    table.add_row('the whole step', f'{step:.1f}', '100%')
    Console().print(table)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(dict(step=step, parts=found)))


if __name__ == '__main__':
    run_tool(main)

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
from contextlib import suppress
from pathlib import Path

from mmengine.runner import Runner
from rich.console import Console
from rich.table import Table

from mmsfa.apis.training_costs import WARM_UP, Enough, TrainingCosts
from mmsfa.cli.options import add_config_options, read_config, run_tool
from mmsfa.config.check_datasets import check_datasets
from mmsfa.config.scopes import scope_of, set_loader_defaults
from mmsfa.errors import OptionError


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
        runner = Runner.from_cfg(cfg)
        costs = TrainingCosts(runner, args.steps)
        with suppress(Enough):
            runner.train()
    if not costs.steps:
        raise OptionError(
            f'{args.config} trains no more than the {WARM_UP} steps that do not count: '
            'lengthen train_cfg with --cfg-options.'
        )
    step = 1000 * statistics.mean(costs.steps)
    found = costs.per_step()
    table = Table('in one step', 'ms', 'share', title=f'{args.config}, {len(costs.steps)} steps')
    for name, spent in sorted(found.items(), key=lambda row: -row[1]):
        table.add_row(name, f'{spent:.3f}', f'{spent / step:.2%}')
    table.add_row('the whole step', f'{step:.1f}', '100%')
    Console().print(table)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(dict(step=step, parts=found)))


if __name__ == '__main__':
    run_tool(main)

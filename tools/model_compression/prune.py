r"""Remove the channels of a trained model that are worth least; write what is left and its config.

Writes two files:

  OUT.pth  the weights
  OUT.py   the whole config that builds the narrow model and loads them (`load_from`)

A fine-tuning is then `python tools/train.py OUT.py`. Prints parameters, operations and energy
before and after, and names what stays as it is.

Example:
    python tools/model_compression/prune.py configs/cls/esf_tiny_flowers5.py \
        work_dirs/esf_tiny_flowers5/epoch_60.pth --ratio 0.5 --criterion svs
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
from collections import defaultdict
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from mmsfa.apis.measure import measure
from mmsfa.apis.pruned_model import Pruned, prune_trained
from mmsfa.checkpoint.saving.atomic_write import atomic_write
from mmsfa.cli.options import add_model_options, read_config, run_tool
from mmsfa.compat import require_extra
from mmsfa.compression.memory import MEGABYTE
from mmsfa.compression.pruning import CRITERIA
from mmsfa.compression.pruning.plan import Plan
from mmsfa.errors import OptionError


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_model_options(parser)
    parser.add_argument(
        '--ratio', type=float, required=True, help='share of the channels of a layer that goes'
    )
    parser.add_argument(
        '--criterion',
        default='svs',
        help=f'what a channel is worth: {", ".join(CRITERIA)} (default: %(default)s)',
    )
    parser.add_argument(
        '--layers',
        nargs='+',
        default=[],
        metavar='NAME=RATIO',
        help="other ratios by name or pattern, as 'backbone.stages.0.*=0.2' or 'neck=0'",
    )
    parser.add_argument(
        '--shared',
        action='store_true',
        help='also prune widths that several layers give together: shortcuts, pyramids',
    )
    parser.add_argument(
        '--num', type=int, default=64, help='training pictures for svs and sca (%(default)s)'
    )
    parser.add_argument(
        '--site',
        default='neuron',
        help="where a pool follows a neuron: 'neuron' scores its own map, 'pooled' as released",
    )
    parser.add_argument(
        '--rounding', default='code', help="width: 'code' int(n (1-r)), 'text' n - round(r n)"
    )
    parser.add_argument(
        '--max-size', type=int, default=64, help='maps are averaged to this size for svs'
    )
    parser.add_argument(
        '--free-scales',
        action='store_true',
        help='let the scales of quantised layers follow their weights, as released',
    )
    parser.add_argument('--shape', type=int, nargs=2, metavar=('H', 'W'), help='for the trace')
    parser.add_argument(
        '--pictures', type=int, default=10, help='test pictures for the energy (%(default)s)'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, help='default: work_dirs/CONFIG_pruned/CONFIG_pruned')
    return parser.parse_args()


def ratios_by_layer(pairs: list[str]) -> dict[str, float]:
    """The ratios of ``NAME=RATIO``.

    Raises:
        OptionError: It is none.
    """
    found = {}
    for pair in pairs:
        name, _, number = pair.rpartition('=')
        try:
            found[name] = float(number)
        except ValueError:
            name = ''
        if not name:
            raise OptionError(f"--layers takes NAME=RATIO, as 'neck.*=0.3', got {pair!r}.")
    return found


def write(pruned: Pruned, out: Path) -> tuple[Path, Path]:
    """Write weights and config; the names of both."""
    weights, config = Path(f'{out}.pth'), Path(f'{out}.py')
    out.parent.mkdir(parents=True, exist_ok=True)
    pruned.config.load_from = str(weights)
    meta = dict(dataset_meta=pruned.model.dataset_meta, cfg=pruned.config.pretty_text)
    data = BytesIO()
    torch.save(dict(state_dict=pruned.model.state_dict(), meta=meta), data)
    atomic_write(weights, data.getvalue())
    pruned.config.dump(config)
    return weights, config


def show_plan(plan: Plan, console: Console) -> None:
    """How many channels went where, and what stays."""
    reasons = defaultdict(list)
    for name, reason in plan.stay.items():
        reasons[reason].append(name)
    before, after = sum(plan.full.values()), sum(map(len, plan.kept.values()))
    console.print(f'{len(plan.kept)} layers have {after} of their {before} channels left.')
    for reason, names in reasons.items():
        console.print(f'Stays, because {reason}: {", ".join(names)}', markup=False)


def show_figures(runs: dict[str, dict[str, Any]], console: Console) -> None:
    """Parameters, weights, operations and energy, before and after."""
    rows = {
        'parameters (M)': lambda total: total['params'] / 1e6,
        'weights (MB)': lambda total: total['bytes'] / MEGABYTE,
        'MACs (G)': lambda total: total['macs'] / 1e9,
        'energy (mJ)': lambda total: total['energy_mj'],
    }
    table = Table('one picture', *runs, 'ratio')
    for name, read in rows.items():
        before, after = (read(run['totals'][-1]) for run in runs.values())
        share = f'{after / before:.3f}' if before else '-'
        table.add_row(name, f'{before:.4g}', f'{after:.4g}', share)
    console.print(table)


def main() -> None:
    """Prune, write, measure."""
    args = parse_args()
    require_extra('pruning')
    if args.pictures < 1:
        raise OptionError(f'--pictures must be at least 1, got {args.pictures}.')
    cfg = read_config(args)
    stem = f'{Path(args.config).stem}_pruned'
    out = args.out or Path('work_dirs', stem, stem)
    if out.suffix in ('.py', '.pth'):
        out = out.with_suffix('')
    pruned = prune_trained(
        cfg,
        args.checkpoint,
        args.ratio,
        args.criterion,
        num=args.num,
        device=args.device,
        shape=tuple(args.shape) if args.shape else None,
        seed=args.seed,
        fixed_scales=not args.free_scales,
        layers=ratios_by_layer(args.layers),
        shared=args.shared,
        rounding=args.rounding,
        site=args.site,
        max_size=args.max_size,
    )
    weights, config = write(pruned, out)
    console = Console(soft_wrap=True)
    show_plan(pruned.plan, console)
    runs = {
        'before': measure(cfg, args.checkpoint, args.pictures, args.device),
        'after': measure(Config.fromfile(config), str(weights), args.pictures, args.device),
    }
    show_figures(runs, console)
    console.print(f'Written: {weights} and {config}. Fine-tune: python tools/train.py {config}')


if __name__ == '__main__':
    run_tool(main)

"""Weigh and time a training step of a config against its ANN twin, in one run.

Variants take turns, so that a drifting machine slows all of them:

  relu           the ANN twin: ReLU for every spiking neuron, ordinary necks and heads
  spiking        as the config says
  bytes          with SpikesAsBytesHook: layers keep spikes as one byte each
  checkpointing  with_cp=True: blocks run forwards again in backward
  published      the published order of the attention, (q k^T) v

It is the backbone on random pictures; with --whole the model on the first batch of its training
data. With --budgets it also computes the largest picture and batch that fit, from the peaks of two
sizes.

Examples:
    python tools/analysis_tools/benchmark_memory.py configs/det/mask_rcnn_esf.py --shape 800 1344
    python tools/analysis_tools/benchmark_memory.py configs/det/mask_rcnn_esf_nuclei.py --whole
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
import json
import os
from functools import partial
from math import isqrt
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn

from mmsfa.apis.in_turns import Rounds, machine_name, medians, seconds
from mmsfa.apis.training_memory import (
    VARIANTS,
    build,
    context_of,
    fit_line,
    kept_bytes,
    loss_of,
    peak_bytes,
    real_batch,
)
from mmsfa.cli.options import add_config_options, read_config, run_tool
from mmsfa.config.check_datasets import check_datasets
from mmsfa.config.scopes import scope_of
from mmsfa.model_parts import bare_model

KEPT, STEP = 'kept for backward (MB)', 'training step (s)'
# Sides of the pictures whose peaks tell what fits; maps of smaller ones lie in a heap with holes.
SMALL, LARGE = 512, 1024


os.environ.setdefault('KINETO_LOG_LEVEL', '5')  # the profiler tells when it begins and ends


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--shape', type=int, nargs=2, metavar=('H', 'W'), help='image size')
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=3, help='rounds that count, after one more')
    parser.add_argument('--device', default=get_device(), help='default: %(default)s')
    parser.add_argument('--variants', nargs='+', choices=VARIANTS, default=list(VARIANTS[:4]))
    parser.add_argument('--whole', action='store_true', help='the model on its training data')
    parser.add_argument(
        '--budgets', type=float, nargs='+', metavar='GB', help='memory to fit a step into, in 10^9'
    )
    parser.add_argument('--out', type=Path, help='also write the figures as JSON')
    add_config_options(parser)
    args = parser.parse_args()
    if args.repeats < 1 or args.batch_size < 1:
        parser.error('--repeats and --batch-size must be at least 1')
    if args.whole and args.shape:
        parser.error('--whole takes the pictures as the training data has them: leave --shape out')
    if args.whole and args.budgets:
        parser.error('--budgets is about the backbone: leave --whole out')
    if args.budgets and 'published' in args.variants:
        parser.error('--budgets goes along a line, and "published" takes tokens squared')
    return args


def loss_in_context(model: nn.Module, batch: Any, variant: str) -> Tensor:
    """Forward; always the same regions are sampled."""
    torch.manual_seed(0)
    with context_of(variant)():
        return loss_of(model, batch)


def step(model: nn.Module, batch: Any, variant: str) -> None:
    """Forward and backward; the step of the optimizer is the same for every variant."""
    loss_in_context(model, batch, variant).backward()
    model.zero_grad(set_to_none=True)


def measure(cfg: Config, args: argparse.Namespace) -> dict[str, Rounds]:
    """Weigh and time the variants in turns: figure -> variant -> one value a round."""
    if args.whole:
        check_datasets(cfg, 'train')
        batch = real_batch(cfg, args.batch_size)
    else:
        channels = bare_model(cfg.model).backbone.get('in_channels', 3)
        batch = torch.randn(args.batch_size, channels, *args.shape, device=args.device)
    models = {name: build(cfg, name, args.whole, args.device) for name in args.variants}
    figures: dict[str, Rounds] = {KEPT: {}, STEP: {name: [] for name in models}}
    for number in track(range(args.repeats + 1), 'rounds'):
        for name, model in models.items():
            value = seconds(partial(step, model, batch, name), args.device)
            if number:
                figures[STEP][name].append(value)
    for name, model in models.items():
        forward = partial(loss_in_context, model, batch, name)
        figures[KEPT][name] = [kept_bytes(forward, args.device) / 1e6]
    return figures


def budget_rows(cfg: Config, args: argparse.Namespace) -> dict[str, list[str]]:
    """For each variant and budget, what fits: side of a square picture, batch of --shape."""
    rows: dict[str, list[str]] = {}
    channels = bare_model(cfg.model).backbone.get('in_channels', 3)
    for name in track(args.variants, 'peaks'):
        peaks = tuple(
            peak_bytes(cfg, name, (1, channels, side, side), args.device) for side in (SMALL, LARGE)
        )
        line = fit_line((SMALL**2, LARGE**2), (peaks[0], peaks[1]))
        weights = sum(p.numel() for p in build(cfg, name, False, 'cpu').parameters())
        fixed = line._replace(fixed=max(line.fixed, 0) + 12 * weights)
        cells = []
        for budget in args.budgets:
            pixels = fixed.pixels(budget * 1e9)
            batch = pixels // (args.shape[0] * args.shape[1])
            cells.append(f'{isqrt(pixels) // 32 * 32}^2, {batch}')
        rows[name] = [f'{line.per_pixel / 1e3:.2f}', *cells]
    return rows


def main() -> None:
    """Measure and print."""
    args = parse_args()
    cfg = read_config(args)
    args.shape = tuple(args.shape or scope_of(cfg).shape)
    figures = measure(cfg, args)
    what = f'whole model, batch {args.batch_size}' if args.whole else 'backbone'
    size = '' if args.whole else ' ' + ' x '.join(map(str, (args.batch_size, *args.shape)))
    title = f'{what}{size}, float32, {machine_name(args.device)}, torch {torch.__version__}'
    table = Table('figure', *args.variants, title=title)
    for figure, values in figures.items():
        table.add_row(figure, *medians(values))
    Console().print(table)
    print(f'Medians of {args.repeats} rounds; in brackets the median ratio to {args.variants[0]}.')
    written: dict[str, Any] = dict(config=args.config, title=title, figures=figures)
    if args.budgets:
        rows = budget_rows(cfg, args)
        shape = ' x '.join(map(str, args.shape))
        table = Table(
            'variant', 'kB a pixel', *(f'{budget:g} GB' for budget in args.budgets),
            title=f'Largest square picture, and batch of {shape}, that fit',
        )  # fmt: skip
        for name, cells in rows.items():
            table.add_row(name, *cells)
        Console().print(table)
        print('From the peaks of two sizes, with gradients and both moments of AdamW; no data.')
        written['fits'] = rows
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(written, indent=2))


if __name__ == '__main__':
    run_tool(main)

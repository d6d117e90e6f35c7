"""Plot what a forward pass of the backbone costs against the pixels of the picture.

Variants and sizes take turns in one run. The slope of a line in double logarithms tells how the
cost grows: 1 is linear in the pixels. The published order of the attention, (q k^T) v, grows
faster.

Example:
    python tools/analysis_tools/plot_cost.py configs/det/mask_rcnn_esf_10m.py --out cost.png
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
import json
import statistics
from functools import partial
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mmsfa.apis.backbone_variants import VARIANTS, build_backbone, variants_of
from mmsfa.apis.in_turns import machine_name, seconds
from mmsfa.cli.options import add_config_options, read_config, run_tool
from mmsfa.model_parts import bare_model
from mmsfa.visualization.report.plots import COLOURS, DPI

Seconds = dict[str, list[float]]  # variant -> median of each size


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--sizes', type=int, nargs='+', default=[256, 384, 512, 768, 1024, 1600],
        help='sides of square pictures in pixels (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument('--repeats', type=int, default=3, help='rounds that count, after one more')
    parser.add_argument('--variants', nargs='+', choices=VARIANTS, default=['spiking'])
    parser.add_argument('--out', type=Path, default=Path('cost.png'), help='the figure')
    parser.add_argument('--json', type=Path, help='also write the seconds')
    add_config_options(parser)
    args = parser.parse_args()
    args.sizes = sorted(set(args.sizes))
    if len(args.sizes) < 2 or args.sizes[0] < 32 or args.repeats < 1:
        parser.error(
            '--sizes must be at least two sides of at least 32 pixels, --repeats at least 1'
        )
    return args


def measure(cfg: Config, args: argparse.Namespace) -> Seconds:
    """Time every variant at every size on the CPU, in turns."""
    names = variants_of(cfg, args.variants)
    models = {name: build_backbone(cfg, VARIANTS[name]).eval() for name in names}
    channels = bare_model(cfg.model).backbone.get('in_channels', 3)
    rounds: dict[str, list[list[float]]] = {name: [[] for _ in args.sizes] for name in models}
    for number in track(range(args.repeats + 1), 'rounds'):
        for place, side in enumerate(args.sizes):
            picture = torch.randn(1, channels, side, side)
            for name, model in models.items():
                with torch.inference_mode():
                    value = seconds(partial(model, picture), 'cpu')
                if number:
                    rounds[name][place].append(value)
    return {n: [statistics.median(values) for values in sizes] for n, sizes in rounds.items()}


def slope_of(sizes: list[int], times: list[float]) -> float:
    """The slope of the straight line through the logarithms of pixels and seconds."""
    return float(np.polyfit(np.log([side**2 for side in sizes]), np.log(times), 1)[0])


def draw(sizes: list[int], times: Seconds, title: str) -> Figure:
    """One line a variant, with its slope, and a dashed one that is linear in the pixels."""
    figure = Figure(figsize=(6, 4), layout='constrained')
    axes = figure.subplots()
    pixels = np.array([side**2 for side in sizes])
    for (name, values), colour in zip(times.items(), COLOURS, strict=False):
        label = f'{name}, slope {slope_of(sizes, values):.2f}'
        axes.loglog(pixels, values, 'o-', color=colour, label=label)
    first = next(iter(times.values()))
    axes.loglog(pixels, first[0] * pixels / pixels[0], '--', color='grey', label='linear')
    axes.set_xticks(pixels, [f'{side}²' for side in sizes])
    axes.minorticks_off()
    axes.set(xlabel='pixels', ylabel='seconds of a forward pass', title=title)
    axes.legend()
    return figure


def main() -> None:
    """Measure, print and draw."""
    args = parse_args()
    cfg = read_config(args)
    times = measure(cfg, args)
    machine = f'{machine_name("cpu")}, torch {torch.__version__}'
    table = Table('variant', *(f'{side}^2' for side in args.sizes), 'slope', title=machine)
    for name, values in times.items():
        slope = slope_of(args.sizes, values)
        table.add_row(name, *(f'{value:.3g} s' for value in values), f'{slope:.3f}')
    Console().print(table)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    draw(args.sizes, times, f'backbone of {Path(args.config).stem}\n{machine}').savefig(
        args.out, dpi=DPI
    )
    print(f'The figure is in {args.out}')
    if args.json:
        args.json.write_text(json.dumps(dict(sizes=args.sizes, seconds=times), indent=2))


if __name__ == '__main__':
    run_tool(main)

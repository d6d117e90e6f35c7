"""Time the backbone of a config against the same backbone built differently, in one run.

Three variants take turns, so that a drifting machine slows all of them:

  spiking    as the config says: SFA neurons, attention as q (k^T v)
  published  the published order of the attention, (q k^T) v
  relu       ReLU instead of SFA

A variant whose setting the backbone does not take is left out, and named.

With --products the matrix products of the first variant, on their own, take turns with the rest.

With --backends it is the spiking backbone in PyTorch, in every form of ONNX and, where it is
installed, in OpenVINO instead.

With --sfa-vs-lif it is SFA (one real time step, D levels) against binary LIF neurons with D real
time steps, trained directly. A classifier is also trained with both, for accuracy and energy: as
its config says, in float32 on the device that mmengine chooses; --shape, --device and --dtype are
those of the timing.

Examples:
    python tools/analysis_tools/benchmark.py configs/det/mask_rcnn_esf.py --shape 800 1344
    python tools/analysis_tools/benchmark.py CONFIG --sfa-vs-lif --shape 64 64
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
import json
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from functools import partial
from pathlib import Path

import torch
from mmcv.cnn import fuse_conv_bn
from mmengine.config import Config
from mmengine.device import get_device
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn

from mmsfa.apis.backbone_variants import VARIANTS, build_backbone, variants_of
from mmsfa.apis.in_turns import Rounds, machine_name, medians, ratio_to, seconds
from mmsfa.apis.matrix_products import MatrixProducts
from mmsfa.apis.sfa_vs_lif import (
    PUBLISHED,
    check_trainable,
    train_and_validate,
)
from mmsfa.apis.training_memory import kept_bytes, loss_of, peak_of
from mmsfa.cli.key_values import KeyValues
from mmsfa.cli.options import add_config_options, read_config, run_tool
from mmsfa.config.lif_twin import levels_of, to_lif_twin
from mmsfa.config.scopes import scope_of
from mmsfa.model_parts import bare_model

Figures = dict[str, Rounds]  # figure -> variant -> one value a round


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--shape', type=int, nargs=2, metavar=('H', 'W'), help='image size')
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=3, help='rounds that count, after one more')
    parser.add_argument('--device', default=get_device(), help='default: %(default)s')
    parser.add_argument(
        '--dtype', choices=['float32', 'bfloat16', 'float16'], default='float32', help='autocast'
    )
    parser.add_argument('--variants', nargs='+', choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument(
        '--backends', action='store_true', help='PyTorch against ONNX; CPU, inference only'
    )
    parser.add_argument(
        '--sfa-vs-lif', action='store_true', help='SFA against LIF with real time steps'
    )
    parser.add_argument(
        '--epochs',
        type=int,
        help='of --sfa-vs-lif: training of both models; default: as the config says, 0: none',
    )
    parser.add_argument(
        '--seeds', type=int, nargs='+', help='of --sfa-vs-lif: one training each; default: 0'
    )
    parser.add_argument(
        '--lif-options',
        nargs='+',
        action=KeyValues,
        help='of --sfa-vs-lif: key=value of the LIF neuron, as v_threshold=0.5 surrogate=atan',
    )
    parser.add_argument('--work-dir', type=Path, help='of --sfa-vs-lif: folder of the trainings')
    parser.add_argument('--fuse-conv-bn', action='store_true', help='fold BN; inference only')
    parser.add_argument('--channels-last', action='store_true', help='memory format of the run')
    parser.add_argument('--products', action='store_true', help='its matrix products, alone')
    parser.add_argument('--no-train', action='store_true', help='time no training steps')
    parser.add_argument('--out', type=Path, help='also write the figures as JSON')
    add_config_options(parser)
    args = parser.parse_args()
    if args.repeats < 1:
        parser.error(f'--repeats must be at least 1 round, got {args.repeats}')
    if (args.fuse_conv_bn or args.products) and not args.no_train:
        parser.error('--fuse-conv-bn and --products are for inference: add --no-train')
    if args.products and (args.backends or args.sfa_vs_lif):
        parser.error('--products goes with --variants: leave --backends and --sfa-vs-lif out')
    if args.backends:
        kept = args.dtype == 'float32' and args.variants == list(VARIANTS)
        if args.fuse_conv_bn or args.channels_last or not kept:
            parser.error('--backends compares float32 as it is: leave the other options out')
        if args.device not in ('cpu', get_device()):
            parser.error(f'--backends runs on the CPU, not on {args.device}')
        args.device, args.no_train = 'cpu', True
    if args.sfa_vs_lif:
        if args.backends or args.fuse_conv_bn or args.variants != list(VARIANTS):
            parser.error('--sfa-vs-lif has variants of its own: leave the other ones out')
        if args.repeats < 1 or (args.epochs is not None and args.epochs < 0):
            parser.error(
                f'--repeats must be >= 1 and --epochs >= 0, got {args.repeats} and {args.epochs}'
            )
        if args.epochs == 0 and (args.seeds or args.work_dir):
            parser.error('--seeds and --work-dir are for trainings, and --epochs 0 has none')
    elif args.epochs is not None or args.lif_options or args.work_dir or args.seeds:
        parser.error(
            '--epochs, --seeds, --lif-options and --work-dir belong to --sfa-vs-lif: add it'
        )
    args.seeds = args.seeds or [0]
    return args


def twins(cfg: Config, lif_options: dict | None) -> dict[str, Config]:
    """The configs that --sfa-vs-lif compares, by name."""
    D = levels_of(cfg)
    lif = deepcopy(cfg)
    to_lif_twin(lif, lif_options)
    return {f'SFA 1 x {D}': cfg, f'LIF {D} x 1': lif}


def build_all(cfg: Config, args: argparse.Namespace) -> dict[str, nn.Module]:
    """Everything that takes turns, by name."""
    if args.sfa_vs_lif:
        both = twins(cfg, args.lif_options)
        return {name: build_backbone(twin, device=args.device) for name, twin in both.items()}
    if not args.backends:
        names = variants_of(cfg, args.variants)
        return {name: build_backbone(cfg, VARIANTS[name], args.device) for name in names}
    from mmsfa.export.onnx.backends import backbone_backends  # needs the extra "export"

    return backbone_backends(build_backbone(cfg, device=args.device).eval())


def forward(model: nn.Module, image: Tensor) -> None:
    """What inference does."""
    model.eval()
    with torch.no_grad():
        model(image)


def train_step(model: nn.Module, image: Tensor) -> None:
    """Forward and backward; the step of the optimizer is the same for every variant."""
    model.train()
    loss_of(model, image).backward()
    model.zero_grad(set_to_none=True)


def _channels_last(model: nn.Module) -> nn.Module:
    to: Callable[..., nn.Module] = model.to  # torch's types leave this form out
    return to(memory_format=torch.channels_last)


def measure(cfg: Config, args: argparse.Namespace) -> Figures:
    """Time the backbones in turns, and weigh what they keep."""
    channels = bare_model(cfg.model).backbone.get('in_channels', 3)
    image = torch.randn(args.batch_size, channels, *args.shape, device=args.device)
    models = build_all(cfg, args)
    if args.fuse_conv_bn:
        models = {name: fuse_conv_bn(model.eval()) for name, model in models.items()}
    if args.channels_last:
        image = image.to(memory_format=torch.channels_last)
        models = {name: _channels_last(m) for name, m in models.items()}
    tasks = {'forward (s)': forward}
    if not args.no_train:
        tasks['training step (s)'] = train_step
    figures: Figures = {task: {name: [] for name in models} for task in tasks}
    precision: AbstractContextManager
    if args.dtype == 'float32':
        precision = nullcontext()
    else:
        precision = torch.autocast(torch.device(args.device).type, getattr(torch, args.dtype))
    with precision:
        if args.products:
            models['products'] = products = MatrixProducts(next(iter(models.values())), image)
            print(f'products: {products.operations / 1e9:.4g} billion operations')
            figures['forward (s)']['products'] = []
        if not (args.fuse_conv_bn or args.backends or args.products):  # else there is no backward
            figures['kept for backward (MB)'] = {
                name: [kept_bytes(partial(model.train(), image), args.device) / 1e6]
                for name, model in models.items()
            }
            if image.is_cuda:
                figures['peak of a training step (MB)'] = {
                    name: [peak_of(partial(train_step, model, image), args.device) / 1e6]
                    for name, model in models.items()
                }
        for number in track(range(args.repeats + 1), 'rounds'):
            for task, call in tasks.items():
                for name, model in models.items():
                    value = seconds(partial(call, model, image), args.device)
                    if number:  # the first round warms up
                        figures[task][name].append(value)
    return figures


def train(cfg: Config, args: argparse.Namespace) -> Figures:
    """Train SFA and LIF in turns, one seed after the other."""
    folder = args.work_dir or Path('work_dirs', f'{Path(args.config).stem}_sfa_vs_lif')
    figures: Figures = {}
    for seed in args.seeds:
        for name, twin in twins(cfg, args.lif_options).items():
            work_dir = folder / f'{name.split()[0].lower()}_seed{seed}'
            for figure, value in train_and_validate(twin, args.epochs, seed, work_dir).items():
                figures.setdefault(figure, {}).setdefault(name, []).append(value)
    return figures


def add_rows(table: Table, figures: Figures, published: bool) -> None:
    """One row a figure: medians and ratios to the first variant."""
    for figure, values in figures.items():
        cells = medians(values)
        if published:
            cells.append(f'{PUBLISHED[figure]}x' if figure in PUBLISHED else '')
        table.add_row(figure, *cells)


def main() -> None:
    """Measure and print."""
    args = parse_args()
    cfg = read_config(args)
    args.shape = tuple(args.shape or scope_of(cfg).shape)
    trains = args.sfa_vs_lif and args.epochs != 0
    if trains:
        check_trainable(cfg)
    figures = measure(cfg, args)
    if trains:
        figures |= train(cfg, args)
    names = list(figures['forward (s)'])
    machine = f'{machine_name(args.device)}, torch {torch.__version__}'
    size = ' x '.join(map(str, (args.batch_size, *args.shape)))
    options = [name for name in ('fuse_conv_bn', 'channels_last') if getattr(args, name)]
    title = ', '.join(['backbone', size, args.dtype, *options, machine])
    columns = [*names, 'published'] if args.sfa_vs_lif else names
    table = Table('figure', *columns, title=title)
    add_rows(table, figures, args.sfa_vs_lif)
    Console().print(table)
    of = f'{args.repeats} rounds' + (f', {len(args.seeds)} training(s) of each' if trains else '')
    print(f'Medians of {of}; in brackets the median ratio to {names[0]}.')
    setting = dict(config=args.config, shape=args.shape, batch_size=args.batch_size)
    setting |= dict(dtype=args.dtype, machine=machine, options=options)
    written = dict(setting=setting, figures=figures)
    if args.sfa_vs_lif:
        print(
            'Published, not measured here: the 10M model on ImageNet against the best spiking '
            'network of its class before it, which has another architecture.'
        )
        setting |= dict(epochs=args.epochs, seeds=args.seeds, lif_options=args.lif_options)
        first, second = names
        ratios = {name: ratio_to(first, second, values) for name, values in figures.items()}
        written['ratios'] = {k: None if math.isnan(v) else v for k, v in ratios.items()}
        written['published'] = PUBLISHED
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(written, indent=2))


if __name__ == '__main__':
    run_tool(main)

"""Time the backbone of a config against the same backbone built differently, in one run.

Three variants take turns, so that a drifting machine slows all of them:

  spiking    as the config says: SFA neurons, attention as q (k^T v)
  published  the published order of the attention, (q k^T) v
  relu       ReLU instead of SFA

With --backends it is the spiking backbone in PyTorch, in float ONNX and in int8 ONNX instead.

Example:
    python tools/analysis_tools/benchmark.py configs/det/mask_rcnn_esf.py --shape 800 1344
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from pathlib import Path

import torch
from mmcv.cnn import fuse_conv_bn
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn

import mmsfa  # noqa: F401  a user's own custom_imports may replace the config's
from mmsfa.engine.cli import add_config_options, read_config, run_tool
from mmsfa.engine.scopes import scope_of

VARIANTS = {
    'spiking': dict(),
    'published': dict(attn_cfg=dict(type='mmpretrain.SpikeDrivenSelfAttention', order='quadratic')),
    'relu': dict(neuron_cfg=dict(type='ReLU')),
}


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
        '--backends', action='store_true', help='PyTorch against onnxruntime; CPU, inference only'
    )
    parser.add_argument('--fuse-conv-bn', action='store_true', help='fold BN; inference only')
    parser.add_argument('--channels-last', action='store_true', help='memory format of the run')
    parser.add_argument('--no-train', action='store_true', help='time no training steps')
    parser.add_argument('--out', type=Path, help='also write the figures as JSON')
    add_config_options(parser)
    args = parser.parse_args()
    if args.fuse_conv_bn and not args.no_train:
        parser.error('--fuse-conv-bn is for inference: add --no-train')
    if args.backends:
        kept = args.dtype == 'float32' and args.variants == list(VARIANTS)
        if args.fuse_conv_bn or args.channels_last or not kept:
            parser.error('--backends compares float32 as it is: leave the other options out')
        if args.device not in ('cpu', get_device()):
            parser.error(f'--backends runs on the CPU, not on {args.device}')
        args.device, args.no_train = 'cpu', True
    return args


def build(cfg: Config, variant: str, device: str) -> nn.Module:
    """The backbone of a config, in one of the variants, from the same random weights."""
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    backbone = MODELS.build({**deepcopy(cfg.model.backbone), **VARIANTS[variant]})
    return revert_sync_batchnorm(backbone).to(device)


def build_all(cfg: Config, args: argparse.Namespace) -> dict[str, nn.Module]:
    """Everything that takes turns, by name."""
    if not args.backends:
        return {name: build(cfg, name, args.device) for name in args.variants}
    from mmsfa.export.backends import backbone_backends  # needs the extra "export"

    return backbone_backends(build(cfg, 'spiking', args.device).eval())


def forward(model: nn.Module, image: Tensor) -> None:
    """What inference does."""
    model.eval()
    with torch.no_grad():
        model(image)


def train_step(model: nn.Module, image: Tensor) -> None:
    """Forward and backward; the step of the optimizer is the same for every variant."""
    model.train()
    sum(out.float().mean() for out in model(image)).backward()
    model.zero_grad(set_to_none=True)


def saved_bytes(model: nn.Module, image: Tensor) -> int:
    """Memory that a forward pass keeps for backward, without the weights."""
    # A storage is known by its identity, which fake tensors have too.
    weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outs = model.train()(image)
        total = sum(kept.values())
    del outs
    return total


def seconds(task: Callable[[nn.Module, Tensor], None], model: nn.Module, image: Tensor) -> float:
    """How long one call takes, until the device has finished."""
    wait = torch.cuda.synchronize if image.is_cuda else lambda: None
    wait()
    begin = time.perf_counter()
    task(model, image)
    wait()
    return time.perf_counter() - begin


def measure(cfg: Config, args: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """Figure -> variant -> one value a round."""
    image = torch.randn(args.batch_size, 3, *args.shape, device=args.device)
    models = build_all(cfg, args)
    if args.fuse_conv_bn:
        models = {name: fuse_conv_bn(model.eval()) for name, model in models.items()}
    if args.channels_last:
        image = image.to(memory_format=torch.channels_last)
        models = {name: m.to(memory_format=torch.channels_last) for name, m in models.items()}
    tasks = {'forward (s)': forward}
    if not args.no_train:
        tasks['training step (s)'] = train_step
    figures = {task: {name: [] for name in models} for task in tasks}
    if args.dtype == 'float32':
        precision = nullcontext()
    else:
        precision = torch.autocast(torch.device(args.device).type, getattr(torch, args.dtype))
    with precision:
        if not (args.fuse_conv_bn or args.backends):  # else there is no backward
            figures['kept for backward (MB)'] = {
                name: [saved_bytes(model, image) / 1e6] for name, model in models.items()
            }
        for number in track(range(args.repeats + 1), 'rounds'):
            for task, call in tasks.items():
                for name, model in models.items():
                    value = seconds(call, model, image)
                    if number:  # the first round warms up
                        figures[task][name].append(value)
    return figures


def device_name(device: str) -> str:
    """The machine, for the log."""
    if torch.device(device).type == 'cuda':
        return torch.cuda.get_device_name(device)
    return f'{platform.machine()} CPU, {torch.get_num_threads()} threads'


def main() -> None:
    """Measure and print."""
    args = parse_args()
    cfg = read_config(args)
    args.shape = tuple(args.shape or scope_of(cfg).shape)
    figures = measure(cfg, args)
    names = list(figures['forward (s)'])
    first = names[0]
    machine = f'{device_name(args.device)}, torch {torch.__version__}'
    size = ' x '.join(map(str, (args.batch_size, *args.shape)))
    options = [name for name in ('fuse_conv_bn', 'channels_last') if getattr(args, name)]
    title = ', '.join(['backbone', size, args.dtype, *options, machine])
    table = Table('figure', *names, title=title)
    for figure, values in figures.items():
        cells = []
        for name in names:
            ratios = [a / b for a, b in zip(values[name], values[first], strict=True)]
            cells.append(
                f'{statistics.median(values[name]):.3f} ({statistics.median(ratios):.2f}x)'
            )
        table.add_row(figure, *cells)
    Console().print(table)
    print(f'Medians of {args.repeats} rounds; in brackets the median ratio to {first}.')
    if args.out:
        setting = dict(config=args.config, shape=args.shape, batch_size=args.batch_size)
        setting |= dict(dtype=args.dtype, machine=machine, options=options)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(dict(setting=setting, figures=figures), indent=2))


if __name__ == '__main__':
    run_tool(main)

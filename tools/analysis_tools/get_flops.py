"""Count parameters, memory of weights and multiply-accumulates (MACs) of a model, part by part.

MACs are those of a network with real-valued activations. What a spiking layer saves depends on
how much it fires; see the firing rates that tools/test.py reports.
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
import warnings
from typing import NamedTuple

import torch
from mmengine.analysis import FlopAnalyzer, parameter_count
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from rich.console import Console
from rich.table import Table
from torch import nn

from mmsfa.cli.options import add_config_options, read_config, run_tool
from mmsfa.compression.memory import weight_memory
from mmsfa.config.scopes import scope_of
from mmsfa.layers import RepConv
from mmsfa.layers.fold import merge_branches
from mmsfa.model_parts import WholeModel, parts_of, to_predict
from mmsfa.neurons.real_time import input_channels
from mmsfa.spike_times.layers import refuse_spike_times


class Count(NamedTuple):
    """Parameters, megabytes of weights and multiply-accumulates of a part."""

    params: int
    megabytes: float
    macs: float


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--shape', type=int, nargs='+', help='image size: H W, or one number for both'
    )
    parser.add_argument('--num-rois', type=int, default=1000, help='regions of the second stage')
    add_config_options(parser)
    args = parser.parse_args()
    if args.shape and len(args.shape) > 2:
        parser.error(f'--shape takes H W, or one number for both, got {len(args.shape)} numbers')
    return args


def count(cfg: Config, shape: tuple[int, int], num_rois: int) -> dict[str, Count]:
    """What each part takes, and the whole under ``''``."""
    init_default_scope(cfg.default_scope)
    model = revert_sync_batchnorm(MODELS.build(to_predict(cfg.model))).eval()
    refuse_spike_times(model, 'be measured in multiply-accumulates')
    found = _count(model, shape, num_rois)
    if any(isinstance(module, RepConv) for module in model.modules()):
        merge_branches(model)
        found['whole model, convolutions merged for inference'] = _count(model, shape, num_rois)['']
    return found


def _count(model: nn.Module, shape: tuple[int, int], num_rois: int) -> dict[str, Count]:
    whole = WholeModel(model, num_rois)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # the tracer remarks on every shape that is a number
        analyzer = FlopAnalyzer(whole, torch.zeros(1, input_channels(model), *shape))
        analyzer.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        macs = analyzer.by_module()
    params = parameter_count(model)
    return {
        name: Count(
            params[name],
            weight_memory(model.get_submodule(name)),
            macs[f'model.{name}'.rstrip('.')],
        )
        for name in [*parts_of(model), '']
    }


def main() -> None:
    """Print the table."""
    args = parse_args()
    cfg = read_config(args)
    scope = scope_of(cfg)
    shape = tuple(args.shape or scope.shape)
    height, width = shape if len(shape) == 2 else shape * 2
    columns = ('part', 'parameters (M)', 'weights (MB)', 'MACs (G)')
    table = Table(*columns, title=f'{height} x {width}')
    for name, one in count(cfg, (height, width), args.num_rois).items():
        figures = (one.params / 1e6, one.megabytes, one.macs / 1e9)
        table.add_row(name or 'whole model', *(f'{figure:.3f}' for figure in figures))
    Console().print(table)


if __name__ == '__main__':
    run_tool(main)

"""Count parameters, memory of weights and multiply-accumulates (MACs) of a model, part by part.

MACs are those of a network with real-valued activations. What a spiking layer saves depends on
how much it fires; see the firing rates that tools/test.py reports.
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
import warnings
from typing import Any, NamedTuple

import torch
from mmengine.analysis import FlopAnalyzer, parameter_count
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from mmsfa.cli.options import add_config_options, read_config, run_tool
from mmsfa.compression.memory import weight_memory
from mmsfa.config.scopes import scope_of
from mmsfa.layers import RepConv
from mmsfa.layers.fold import merge_branches
from mmsfa.model_parts import REGION_STAGE, DensePart, parts_of, to_predict
from mmsfa.neurons.real_time import input_channels


class Count(NamedTuple):
    """Parameters, megabytes of weights and multiply-accumulates of a part."""

    params: int
    megabytes: float
    macs: float


class DensePartWithRegions(DensePart):
    """The part of a model whose work depends on the image size only.

    The second stage of a detector works on regions; its box head is fed ``num_rois`` of the
    image's size, its mask head a tenth of that, as in mmdet's defaults.

    Args:
        model: A classifier, segmentor or detector.
        num_rois: Regions of the second stage.
    """

    def __init__(self, model: nn.Module, num_rois: int) -> None:
        super().__init__(model)
        self.num_rois = num_rois

    def forward(self, image: Tensor) -> list[Tensor]:
        """Run every part once; the outputs only keep the trace alive."""
        features, outputs = super().forward(image)
        if getattr(self.model, REGION_STAGE, None) is not None:
            outputs += self._second_stage(features, image)
        return _flat([features, outputs])

    def _second_stage(self, features: tuple[Tensor, ...], image: Tensor) -> list[Tensor]:
        height, width = image.shape[-2:]
        rois = image.new_tensor([0, 0, 0, width, height]).repeat(self.num_rois, 1)
        head, outputs = getattr(self.model, REGION_STAGE), []
        stages = range(getattr(head, 'num_stages', 1))
        for stage in stages:
            args = (stage, features) if len(stages) > 1 else (features,)
            outputs += _flat(head._bbox_forward(*args, rois))
            if head.with_mask:
                outputs += _flat(head._mask_forward(*args, rois[: max(1, self.num_rois // 10)]))
        return outputs


def _flat(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    values = value.values() if isinstance(value, dict) else value
    return [tensor for one in values for tensor in _flat(one)] if values is not None else []


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
    found = _count(model, shape, num_rois)
    if any(isinstance(module, RepConv) for module in model.modules()):
        merge_branches(model)
        found['whole model, convolutions merged for inference'] = _count(model, shape, num_rois)['']
    return found


def _count(model: nn.Module, shape: tuple[int, int], num_rois: int) -> dict[str, Count]:
    whole = DensePartWithRegions(model, num_rois)
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

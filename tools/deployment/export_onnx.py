"""Export a trained model to ONNX, check it on real pictures and, if asked, evaluate it.

What is exported is the part of a model that is tensors from end to end: a classifier up to its
scores, a segmentor up to its logits, a detector up to the maps of its dense head. Batch, height and
width stay free. With --int8 a second file computes with bytes wherever spikes arrive.

Example:
    python tools/deployment/export_onnx.py configs/det/mask_rcnn_esf_demo.py \
        work_dirs/mask_rcnn_esf_demo/epoch_7.pth --out demo.onnx --int8 --evaluate
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import nn

from mmsfa.apis.trained_model import load_trained, picture_loader
from mmsfa.cli.options import add_model_options, read_config, run_tool
from mmsfa.errors import OptionError
from mmsfa.export.onnx.backends import Comparison, compare_backend, evaluate_backend
from mmsfa.export.onnx.export import export_model, save, to_integer
from mmsfa.export.onnx.integer import float_layers
from mmsfa.export.onnx.runtime import Session
from mmsfa.model_parts import is_behind_proposals, parts_of
from mmsfa.spiking.measure.uncounted import uncounted


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_model_options(parser, device=False)
    parser.add_argument('--out', type=Path, required=True, help='the ONNX file, FILE.onnx')
    parser.add_argument('--int8', action='store_true', help='also write FILE_int8.onnx')
    parser.add_argument(
        '--num', type=int, default=4, help='test pictures of the check (default: %(default)s)'
    )
    parser.add_argument(
        '--evaluate', action='store_true', help="also run the config's test evaluator on all"
    )
    return parser.parse_args()


def channels_of(model: BaseModel, batch: dict) -> int:
    """Channels of the test pictures, as the model gets them."""
    return int(model.data_preprocessor(deepcopy(batch), False)['inputs'].shape[1])


def export(model: nn.Module, out: Path, int8: bool, channels: int) -> dict[str, Path]:
    """Write the files; backend -> file."""
    console = Console()
    files = {'float ONNX': out}
    with console.status('export: this takes up to a minute'):
        graph = export_model(model, channels)
        save(graph, out)
        if int8:
            files['int8 ONNX'] = out.with_name(f'{out.stem}_int8.onnx')
            integer = to_integer(graph)
            save(integer, files['int8 ONNX'])
    for file in files.values():
        print(f'Wrote {file}')
    if int8:
        print('Layers with float weights in the int8 file:', ', '.join(float_layers(integer)))
    return files


def name_uncounted(model: BaseModel, batches: Sequence[dict]) -> None:
    """Print which operations on spikes stay what PyTorch makes of them."""
    with torch.no_grad(), uncounted(model) as found:
        for batch in batches:
            model.test_step(deepcopy(batch))
    if found:
        print('Operations without a contract, exported as floats:', ', '.join(found))


def stored_bytes(model: nn.Module) -> int:
    """What PyTorch stores of the exported part: floats, also of a layer that uses few bits."""
    modules = [model.get_submodule(p) for p in parts_of(model) if not is_behind_proposals(p)]
    return sum(weight.nbytes for module in modules for weight in module.state_dict().values())


def check_row(found: Comparison | None) -> list[str]:
    """The cells of a comparison with PyTorch."""
    if found is None:
        return ['', '', '']
    seen = found.predictions
    return [
        f'{found.largest:.1e}',
        f'{found.same / found.values:.2%}',
        f'{seen.agreeing} of {seen.total} {seen.what}',
    ]


def show(
    sizes: dict[str, int], checks: dict[str, Comparison], figures: dict[str, dict[str, float]]
) -> None:
    """Print one table, a row for each figure and a column for each backend."""
    table = Table()
    table.add_column('', overflow='fold')
    for name in sizes:
        table.add_column(name, justify='right', overflow='fold')
    table.add_row('size (MB)', *(f'{size / 1e6:.2f}' for size in sizes.values()))
    rows = ('largest difference', 'values within 0.1 %', 'agreeing predictions')
    columns = [check_row(checks.get(name)) for name in sizes]
    for row, *cells in zip(rows, *columns, strict=True):
        table.add_row(row, *cells)
    for metric in next(iter(figures.values()), {}):
        table.add_row(metric, *(f'{figures[name][metric]:.4g}' for name in sizes))
    Console().print(table)
    print('Differences are shares of the largest value of an output; all against PyTorch.')


def main() -> None:
    """Export, check, evaluate, print."""
    args = parse_args()
    if args.out.suffix != '.onnx':
        raise OptionError(f'--out must end in .onnx, got {args.out}.')
    cfg = read_config(args)
    model = load_trained(cfg, args.checkpoint)
    batches = list(picture_loader(cfg, args.num))
    files = export(model, args.out, args.int8, channels_of(model, batches[0]))
    name_uncounted(model, batches)
    sessions = {name: Session(file) for name, file in files.items()}
    checks = {
        name: compare_backend(model, session, track(batches, f'check {name}'))
        for name, session in sessions.items()
    }
    sizes = {'PyTorch': stored_bytes(model)}
    sizes |= {name: file.stat().st_size for name, file in files.items()}
    show(sizes, checks, evaluate(cfg, model, sessions) if args.evaluate else {})


def evaluate(
    cfg: Config, model: nn.Module, sessions: dict[str, Session]
) -> dict[str, dict[str, float]]:
    """Backend -> figures of the config's evaluator."""
    found = {}
    for name, session in {'PyTorch': None, **sessions}.items():
        label = f'evaluate {name}'
        found[name] = evaluate_backend(model, session, cfg, picture_loader(cfg), label)
    return found


if __name__ == '__main__':
    run_tool(main)

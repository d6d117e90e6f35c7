"""Export a trained model to ONNX, check it on real pictures and, if asked, evaluate it.

--out FOLDER writes the whole model, from a picture to boxes, labels and masks: graphs and their
settings, which `python -m mmsfa.runtime FOLDER PICTURE` runs without PyTorch.

--out FILE.onnx writes the part of a model that is tensors from end to end: a classifier up to its
scores, a segmentor up to its logits, a detector up to the maps of its dense head.

Batch, height and width stay free. With --int8 and --qdq further files compute with bytes wherever
spikes arrive: --int8 for onnxruntime, --qdq in operators of ONNX alone, as OpenVINO and TensorRT
read them.

Example:
    python tools/deployment/export_onnx.py configs/det/mask_rcnn_esf_demo.py \
        work_dirs/mask_rcnn_esf_demo/epoch_7.pth --out demo --int8 --evaluate
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
import statistics
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import nn
from torch.utils.data import DataLoader

from mmsfa.apis.trained_model import load_trained, picture_loader
from mmsfa.cli.options import add_model_options, read_config, run_tool
from mmsfa.compat import importable
from mmsfa.errors import OptionError
from mmsfa.export.onnx.backends import (
    Comparison,
    compare_backend,
    evaluate_backend,
    figures_of,
)
from mmsfa.export.onnx.export import INTEGER_FORMS, export_model, save
from mmsfa.export.onnx.integer import float_layers
from mmsfa.export.onnx.runtime import Session
from mmsfa.export.whole.folder import export_folder
from mmsfa.export.whole.predictions import (
    SAME_PLACE,
    WholeComparison,
    compare_folder,
    folder_predictions,
)
from mmsfa.export.whole.speed import seconds_in_turns
from mmsfa.model_parts import is_behind_proposals, parts_of
from mmsfa.runtime import Model
from mmsfa.spiking.measure.uncounted import uncounted


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_model_options(parser, device=False)
    parser.add_argument('--out', type=Path, required=True, help='FOLDER, or FILE.onnx')
    parser.add_argument('--int8', action='store_true', help='also write integers, for onnxruntime')
    parser.add_argument('--qdq', action='store_true', help='also write integers in QDQ form')
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


def forms_of(args: argparse.Namespace) -> list[str]:
    """What to write besides floats."""
    return [form for form in INTEGER_FORMS if getattr(args, form)]


def export(model: nn.Module, out: Path, forms: list[str], channels: int) -> dict[str, Path]:
    """Write the files; backend -> file."""
    console = Console()
    files = {'float ONNX': out}
    with console.status('export: about a minute of one core, longer with T > 1'):
        graph = export_model(model, channels)
        save(graph, out)
        floats = {}
        for form in forms:
            file = files[f'{form} ONNX'] = out.with_name(f'{out.stem}_{form}.onnx')
            integer = INTEGER_FORMS[form](graph)
            floats[file.name] = float_layers(integer)
            save(integer, file)
    for file in files.values():
        print(f'Wrote {file}')
    for name, layers in floats.items():
        print(f'Layers with float weights in {name}:', ', '.join(layers))
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


CHECKS = ('largest difference', 'values within 0.1 %', 'agreeing predictions')
TIME = 'seconds a picture'
WHOLE_CHECKS = (
    'agreeing predictions',
    f'boxes within {SAME_PLACE} pixels',
    'differing mask pixels',
)


def check_row(found: Comparison | None) -> list[str]:
    """The cells of a comparison of the tensor part with PyTorch."""
    if found is None:
        return ['', '', '']
    seen = found.predictions
    return [
        f'{found.largest:.1e}',
        f'{found.same / found.values:.2%}',
        f'{seen.agreeing} of {seen.total} {seen.what}',
    ]


def whole_row(found: WholeComparison | None) -> list[str]:
    """The cells of a comparison of the whole model with PyTorch."""
    if found is None:
        return ['', '', '']
    seen = found.predictions
    cells = [f'{seen.agreeing} of {seen.total} {seen.what}', '', '']
    if seen.what == 'instances':
        cells[1:] = [f'{found.same_place} of {found.instances}', str(seen.differing_mask_pixels)]
    return cells


def show(
    sizes: dict[str, int],
    names: Sequence[str],
    columns: dict[str, list[str]],
    figures: dict[str, dict[str, float]],
) -> None:
    """Print one table, a row for each figure and a column for each backend."""
    table = Table()
    table.add_column('', overflow='fold')
    for name in sizes:
        table.add_column(name, justify='right', overflow='fold')
    table.add_row('size (MB)', *(f'{size / 1e6:.2f}' for size in sizes.values()))
    for row, *cells in zip(names, *columns.values(), strict=True):
        if any(cells):
            table.add_row(row, *cells)
    for metric in next(iter(figures.values()), {}):
        table.add_row(metric, *(f'{figures[name][metric]:.4g}' for name in sizes))
    Console().print(table)


def main() -> None:
    """Export, check, evaluate, print."""
    args = parse_args()
    if args.out.suffix not in ('', '.onnx') and not args.out.is_dir():
        raise OptionError(
            f'--out must be a folder (without a suffix, or one that exists) or end in .onnx, got '
            f'{args.out}.'
        )
    cfg = read_config(args)
    model = load_trained(cfg, args.checkpoint)
    loader = picture_loader(cfg, args.num)
    batches = list(loader)
    name_uncounted(model, batches)
    channels = channels_of(model, batches[0])
    if args.out.suffix == '.onnx':
        _tensor_part(args, cfg, model, batches, channels)
    else:
        _whole(args, cfg, model, loader, channels)


def _tensor_part(
    args: argparse.Namespace, cfg: Config, model: BaseModel, batches: list[dict], channels: int
) -> None:
    files = export(model, args.out, forms_of(args), channels)
    sessions = {name: Session(file) for name, file in files.items()}
    checks = {
        name: compare_backend(model, session, track(batches, f'check {name}'))
        for name, session in sessions.items()
    }
    sizes = {'PyTorch': stored_bytes(model)}
    sizes |= {name: file.stat().st_size for name, file in files.items()}
    rows = {name: check_row(checks.get(name)) for name in sizes}
    show(sizes, CHECKS, rows, evaluate(cfg, model, sessions) if args.evaluate else {})
    print('Differences are shares of the largest value of an output; all against PyTorch.')


def _whole(
    args: argparse.Namespace, cfg: Config, model: BaseModel, loader: DataLoader, channels: int
) -> None:
    with Console().status('export: a minute or two of one core, longer with T > 1'):
        ids = getattr(loader.dataset.dataset, 'cat_ids', None)  # type: ignore[attr-defined]
        settings = export_folder(cfg, model, args.out, forms_of(args), channels, ids)
    print(f'Wrote {args.out}: python -m mmsfa.runtime {args.out} PICTURE --out drawn.png')
    threads = torch.get_num_threads()
    forms = ('float', *forms_of(args))
    runs = {f'{form} ONNX': Model(args.out, form, threads) for form in forms}
    if args.qdq and importable('openvino'):
        runs['qdq OpenVINO'] = Model(args.out, 'qdq', threads, 'openvino')
    checks = {
        name: compare_folder(model, run, track(list(loader), f'check {name}'))
        for name, run in runs.items()
    }
    sizes = {'PyTorch': sum(weight.nbytes for weight in model.state_dict().values())}
    for name, run in runs.items():
        sizes[name] = sum(file.stat().st_size for file in run.folder.files.values())
    if args.int8 or args.qdq:
        as_floats = [name for name, files in settings['graphs'].items() if len(files) == 1]
        print('Graphs that stay float:', ', '.join(as_floats) or 'none')
    rows = {name: whole_row(checks.get(name)) for name in sizes}
    times = seconds_in_turns(model, runs, loader.dataset, range(len(loader)))
    for name, row in rows.items():
        ratio = statistics.median(a / b for a, b in zip(times[name], times['PyTorch'], strict=True))
        row.append(f'{statistics.median(times[name]):.3g} ({ratio:.2f}x)')
    show(sizes, (*WHOLE_CHECKS, TIME), rows, evaluate(cfg, model, runs) if args.evaluate else {})


def evaluate(
    cfg: Config, model: BaseModel, runs: Mapping[str, Session | Model]
) -> dict[str, dict[str, float]]:
    """Backend -> figures of the config's evaluator."""
    found = {}
    for name, run in {'PyTorch': None, **runs}.items():
        label, loader = f'evaluate {name}', picture_loader(cfg)
        if isinstance(run, Model):
            found[name] = figures_of(folder_predictions(run, track(loader, label)), cfg, loader)
        else:
            found[name] = evaluate_backend(model, run, cfg, loader, label)
    return found


if __name__ == '__main__':
    run_tool(main)

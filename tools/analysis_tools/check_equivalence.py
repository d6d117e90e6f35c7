"""Prove on real pictures that spike-driven inference equals the trained network.

Compares the integer form, in which the network was trained, with

  spikes              binary spikes, step by step; must be identical in float64
  stepwise_attention  attention within each virtual step only: identical in float64 where the
                      attention is exact step by step (docs/attention.md), else an approximation
  membrane            an approximation: neurons fire before all their charge has arrived

The exit code is 1 if the float64 form of `spikes` differs in any count or prediction.

Example:
    python tools/analysis_tools/check_equivalence.py configs/det/mask_rcnn_esf_demo.py \
        work_dirs/mask_rcnn_esf_demo/epoch_7.pth --num 8 --out equivalence.json
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
import json
import sys
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from mmsfa.apis.trained_model import load_trained, picture_loader
from mmsfa.cli.options import add_model_options, read_config, run_tool
from mmsfa.errors import OptionError
from mmsfa.spiking import MODES, Equivalence, compare, in_float64
from mmsfa.spiking.equivalence import LayerDifference
from mmsfa.spiking.inference.membrane import unfit_for_membrane
from mmsfa.spiking.measure.observer import neurons_of
from mmsfa.spiking.real_inputs import REMARKS

EXACT = 'spikes, float64'
DTYPES = dict.fromkeys(('spikes', 'stepwise_attention'), ('float64', 'float32'))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_model_options(parser)
    parser.add_argument('--num', type=int, default=4, help='test pictures (default: %(default)s)')
    parser.add_argument(
        '--mode', nargs='+', choices=MODES[1:], default=list(MODES[1:]), help='default: all'
    )
    parser.add_argument('--out', type=Path, help='also write everything as JSON')
    return parser.parse_args()


def layer_table(runs: dict[str, Equivalence]) -> Table:
    """Share of flipped counts and largest difference of each layer, by form of inference."""
    table = Table(title='Share of counts that differ from the integer form (largest difference)')
    table.add_column('neuron', overflow='fold')
    for name in runs:
        table.add_column(name, justify='right')
    found = {name: {layer.name: layer for layer in run.layers} for name, run in runs.items()}
    for neuron in dict.fromkeys(name for layers in found.values() for name in layers):
        table.add_row(neuron, *(_cell(layers.get(neuron)) for layers in found.values()))
    return table


def _cell(layer: LayerDifference | None) -> str:
    """What a form did to one layer."""
    if layer is None:
        return 'did not run'
    if not layer.counts:
        return 'other proposals'
    return f'{layer.share:.1e} ({layer.largest})' if layer.flipped else '0'


def prediction_table(runs: dict[str, Equivalence]) -> Table:
    """Agreement of the predictions, by form of inference."""
    table = Table(title='Predictions against the integer form')
    table.add_column('form')
    for name in ('agreeing', 'differing mask pixels', 'largest differences', 'verdict'):
        table.add_column(name, overflow='fold')
    for name, run in runs.items():
        seen = run.predictions
        table.add_row(
            name,
            f'{seen.agreeing} of {seen.total} {seen.what}',
            str(seen.differing_mask_pixels) if seen.what == 'instances' else '',
            ', '.join(f'{key} {value:.1e}' for key, value in seen.largest.items()),
            'identical' if run.identical else 'differs',
        )
    return table


def main() -> None:
    """Compare, print, write; exit with 1 if the proof fails."""
    args = parse_args()
    cfg = read_config(args)
    model = load_trained(cfg, args.checkpoint, args.device)
    runs: dict[str, Equivalence] = {}
    unfit = unfit_for_membrane(neurons_of(model)) if 'membrane' in args.mode else ''
    if unfit and set(args.mode) == {'membrane'}:
        raise OptionError(f'Nothing to compare: membrane {unfit}. Use --mode spikes.')
    if unfit:
        print(f'Left out: membrane {unfit}.')
    batches = list(picture_loader(cfg, args.num))
    for mode in args.mode:
        if unfit and mode == 'membrane':
            continue
        for dtype in DTYPES.get(mode, ('float32',)):
            name = f'{mode}, {dtype}'
            with in_float64(model) if dtype == 'float64' else nullcontext():
                runs[name] = compare(model, track(batches, name), mode)
    console = Console()
    console.print(layer_table(runs))
    console.print(prediction_table(runs))
    first = next(iter(runs.values()))
    print('Layers that no spikes arrive at; they keep their multiply-accumulates:')
    for kind, remark in REMARKS.items():
        names = [name for name, read in first.analog.items() if read == kind]
        print(f'  {remark}:', ', '.join(names) or 'no layer')
    if first.uncounted:
        print('Multiplies without a contract, so nothing is proved:', ', '.join(first.uncounted))
    if first.not_run:
        print('Never ran on these pictures, so nothing is proved:', ', '.join(first.not_run))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        found = dict(config=args.config, checkpoint=args.checkpoint, num=len(batches))
        found['forms'] = {name: run.asdict() for name, run in runs.items()}
        args.out.write_text(json.dumps(found, indent=2))
    if EXACT in runs and not runs[EXACT].identical:
        sys.exit('The spike-driven form differs in float64: see the tables above.')


if __name__ == '__main__':
    run_tool(main)

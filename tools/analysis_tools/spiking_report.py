r"""Measure what a trained spiking model fires and costs, as table, JSON and one HTML page.

The model runs over its test pictures. ``--out`` receives ``report.json`` (all figures) and
``report.html`` (plots, tables and an example picture; one file that needs no network).

Example:
    python tools/analysis_tools/spiking_report.py CONFIG CHECKPOINT --num 20 --out report
    python tools/analysis_tools/spiking_report.py CONFIG CHECKPOINT --out report \
        --compare CONFIG2 CHECKPOINT2
"""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmengine.config import Config
from rich.console import Console

from mmsfa.apis.measure import measure
from mmsfa.apis.trained_model import infos_of_loader, load_trained, picture_loader
from mmsfa.cli.options import add_model_options, read_config, run_tool
from mmsfa.errors import OptionError, UserError
from mmsfa.spiking import EnergyCosts
from mmsfa.visualization.report.page import Plot, render_page
from mmsfa.visualization.report.plots import count_histograms, energy_by_stage, firing_rate_by_depth
from mmsfa.visualization.report.summary import names_of
from mmsfa.visualization.report.tables import (
    for_terminal,
    headline_table,
    neuron_table,
    remark_table,
    totals_table,
)
from mmsfa.visualization.side_by_side import firing_by_stage, side_by_side
from mmsfa.visualization.spiking_view import Viewer


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_model_options(parser)
    parser.add_argument(
        '--compare',
        nargs=2,
        metavar=('CONFIG2', 'CHECKPOINT2'),
        help='a second model, shown beside the first; --cfg-options change both configs',
    )
    parser.add_argument('--num', type=int, help='number of test pictures; all by default')
    parser.add_argument('--out', type=Path, required=True, help='folder for the report')
    parser.add_argument(
        '--mac-pj', type=float, default=4.6, help='energy of a multiply-accumulate in pJ'
    )
    parser.add_argument('--ac-pj', type=float, default=0.9, help='energy of an addition in pJ')
    return parser.parse_args()


def energy_costs(args: argparse.Namespace) -> dict[str, float]:
    """What `measure` takes.

    Raises:
        OptionError: An energy is negative.
    """
    try:
        return asdict(EnergyCosts(args.mac_pj, args.ac_pj))
    except ValueError as error:
        raise OptionError(f'--mac-pj and --ac-pj: {error}') from None


def example(cfg: Config, checkpoint: str, device: str) -> list[Plot]:
    """The first test picture: prediction, firing map, and the map of each stage.

    Raises:
        UserError: The picture is no file, or the backbone has no spiking neurons.
    """
    path = infos_of_loader(picture_loader(cfg, 1))[0].get('img_path')
    if path is None or not Path(path).is_file():
        raise UserError('The pictures of this data set are not files on this machine.')
    view = Viewer(cfg, load_trained(cfg, checkpoint, device)).look(Path(path))
    both = f'The first test picture ({view.name}): prediction and firing.'
    stages = 'Where each stage of the backbone fires, on one scale.'
    return [
        Plot.of(side_by_side(view), both, photo=True),
        Plot.of(firing_by_stage(view), stages, photo=True),
    ]


def plots_of(report: dict[str, Any]) -> list[Plot]:
    """Plots of all neuron layers; none for a model without neurons."""
    if not report['neurons']:
        return []
    rates, counts = firing_rate_by_depth(report['neurons']), count_histograms(report['neurons'])
    return [
        Plot.of(rates, 'Mean count / D over all test pictures; a colour for each stage.'),
        Plot.of(counts, 'What remains up to 1 is silent.'),
    ]


def write_json(out: Path, reports: list[dict[str, Any]]) -> None:
    """All figures; those of a second model lie under ``compare``."""
    first, *others = reports
    written = {**first, 'compare': others[0]} if others else first
    out.mkdir(parents=True, exist_ok=True)
    (out / 'report.json').write_text(json.dumps(written, indent=1))


def main() -> None:
    """Measure, print, write."""
    args = parse_args()
    costs = energy_costs(args)
    models = [(args.config, args.checkpoint), *([args.compare] if args.compare else [])]
    reports, examples, notes = [], [], []
    for config, checkpoint in models:
        cfg = read_config(argparse.Namespace(**{**vars(args), 'config': config}))
        reports.append(measure(cfg, checkpoint, args.num, args.device, **costs))
        write_json(args.out, reports)  # whatever comes next, the long part is not lost
        try:
            examples.append(example(cfg, checkpoint, args.device))
            notes.append('')
        except UserError as error:
            examples.append([])
            notes.append(f'Without an example picture. {error}')

    energy = energy_by_stage(dict(zip(names_of(reports), reports, strict=True)))
    page = render_page(
        reports,
        [Plot.of(energy, 'Energy for one picture, summed over the layers of each stage.')],
        [one + plots_of(report) for one, report in zip(examples, reports, strict=True)],
        notes,
    )
    (args.out / 'report.html').write_text(page, encoding='utf-8')

    console = Console()
    for report in reports:
        if report['neurons']:
            console.print(for_terminal(neuron_table(report)))
        if remark_table(report).rows:
            console.print(for_terminal(remark_table(report)))
    console.print(for_terminal(totals_table(reports)))
    console.print(for_terminal(headline_table(reports)))
    print(f'The report is in {args.out}/report.html and {args.out}/report.json')


if __name__ == '__main__':
    run_tool(main)

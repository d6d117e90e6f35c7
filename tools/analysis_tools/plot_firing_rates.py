"""Draw the firing rate of every neuron layer by depth, from what a test has written.

Example:
    python tools/test.py CONFIG CHECKPOINT --cfg-options default_hooks.firing_rate.per_layer=True
    python tools/analysis_tools/plot_firing_rates.py work_dirs/NAME/TIME/TIME.json --out rates.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mmsfa.cli.options import run_tool
from mmsfa.errors import OptionError
from mmsfa.spiking import stage_of
from mmsfa.visualization.report.plots import by_depth, firing_rate_by_depth

PREFIX = 'firing_rate/'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('metrics', type=Path, help='<work dir>/<timestamp>/<timestamp>.json')
    parser.add_argument('--out', type=Path, default=Path('firing_rates.png'), help='the figure')
    parser.add_argument('--title', default='Firing rate of each neuron layer')
    return parser.parse_args()


def layer_rates(path: Path) -> dict[str, float]:
    """The rate of each neuron layer, by depth: stage by stage.

    Raises:
        OptionError: The file holds none.
    """
    try:
        metrics = json.loads(path.read_text())
        rates = {k.removeprefix(PREFIX): v for k, v in metrics.items() if k.startswith(PREFIX)}
    except (OSError, ValueError, AttributeError) as error:
        raise OptionError(
            f'{path} is no file of metrics as tools/test.py writes: {error}'
        ) from None
    groups = {'mean', *map(stage_of, rates)}
    layers = {name: rate for name, rate in rates.items() if name not in groups}
    if not layers:
        raise OptionError(
            f'{path} holds no firing rates of single layers. Run tools/test.py with '
            '--cfg-options default_hooks.firing_rate.per_layer=True (FiringRateHook).'
        )
    neurons = by_depth([dict(name=name, stage=stage_of(name)) for name in layers])
    return {one['name']: layers[one['name']] for one in neurons}


def main() -> None:
    """Draw a bar for each layer, a colour for each stage."""
    args = parse_args()
    rates = layer_rates(args.metrics)
    neurons = [dict(stage=stage_of(name), firing_rate=rate) for name, rate in rates.items()]
    figure = firing_rate_by_depth(neurons, args.title)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out)
    print(f'The figure is in {args.out}')


if __name__ == '__main__':
    run_tool(main)

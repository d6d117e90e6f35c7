"""Read the logs of training runs: plot curves, or sum up how long iterations took.

A log is the file ``<work dir>/<timestamp>/vis_data/scalars.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any


class LogError(Exception):
    """A log, or an option, is not what was expected."""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest='task', required=True)
    plot = commands.add_parser('plot_curve', help='plot values against the training iteration')
    plot.add_argument('json_logs', nargs='+', help='logs, one curve for each key and log')
    plot.add_argument('--keys', nargs='+', default=['loss'], help='such as loss, bbox_mAP, mIoU')
    plot.add_argument('--title', help='title of the figure')
    plot.add_argument('--legend', nargs='+', help='a name for each curve')
    plot.add_argument('--out', help='file for the figure; without it a window opens')
    plot.set_defaults(run=plot_curve)
    time = commands.add_parser('cal_train_time', help='seconds an iteration')
    time.add_argument('json_logs', nargs='+', help='logs')
    time.add_argument(
        '--include-outliers',
        action='store_true',
        help='count the first entry of each epoch too, which holds the start of the loaders',
    )
    time.set_defaults(run=cal_train_time)
    return parser.parse_args()


def read_log(path: str) -> list[dict[str, Any]]:
    """The entries of one log, each with the training iteration at which it was written.

    Raises:
        LogError: The file is missing or no such log.
    """
    if not Path(path).is_file():
        raise LogError(f'The log {path} does not exist. Expected a .../vis_data/scalars.json.')
    entries, iteration = [], 0
    for number, line in enumerate(Path(path).read_text().splitlines(), start=1):
        try:
            entry = json.loads(line)
            iteration = entry.get('iter', iteration)  # validation entries have none of their own
        except (json.JSONDecodeError, AttributeError):
            raise LogError(
                f'{path} is no training log: line {number} is no JSON object. '
                'Expected a .../vis_data/scalars.json.'
            ) from None
        entries.append({**entry, 'iter': iteration, 'is_train': 'iter' in entry})
    return entries


def find_key(entries: list[dict[str, Any]], key: str, path: str) -> str:
    """The full name of a key: 'bbox_mAP' finds 'coco/bbox_mAP'.

    Raises:
        LogError: No entry holds it.
    """
    names = sorted({name for entry in entries for name in entry} - {'is_train'})
    found = [name for name in names if name == key] or [
        name for name in names if name.endswith(f'/{key}')
    ]
    if not found:
        raise LogError(f'{path} holds no {key!r}. It holds: {", ".join(names)}.')
    return found[0]


def plot_curve(args: argparse.Namespace) -> None:
    """Plot each key of each log."""
    import matplotlib

    if args.out:
        matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    legend = args.legend or [f'{log} {key}' for log in args.json_logs for key in args.keys]
    if len(legend) != len(args.json_logs) * len(args.keys):
        raise LogError(
            f'--legend needs one name for each log and key: expected '
            f'{len(args.json_logs) * len(args.keys)}, got {len(legend)}.'
        )
    names = iter(legend)
    for path in args.json_logs:
        entries = read_log(path)
        for key in args.keys:
            full = find_key(entries, key, path)
            points = [(entry['iter'], entry[full]) for entry in entries if full in entry]
            marker = '.' if len(points) < 50 else None
            plt.plot(*zip(*points, strict=True), label=next(names), marker=marker)
    plt.xlabel('iteration')
    plt.ylabel(', '.join(args.keys))
    plt.title(args.title or '')
    plt.legend()
    if args.out:
        plt.savefig(args.out, dpi=150, bbox_inches='tight')
        print(f'The figure is in {args.out}')
    else:
        plt.show()


def cal_train_time(args: argparse.Namespace) -> None:
    """Print the mean seconds an iteration of each epoch and of the run."""
    for path in args.json_logs:
        epochs: dict[int, list[float]] = defaultdict(list)
        for entry in read_log(path):
            if entry['is_train'] and 'time' in entry:
                epochs[entry.get('epoch', 1)].append(entry['time'])
        if not epochs:
            raise LogError(f'{path} holds no training times. Did the run reach a log entry?')
        skip = 0 if args.include_outliers else 1
        means = {epoch: statistics.fmean(times[skip:] or times) for epoch, times in epochs.items()}
        slowest, fastest = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
        print(f'-----Analyze train time of {path}-----')
        print(f'slowest epoch {slowest}, average time is {means[slowest]:.4f} s/iter')
        print(f'fastest epoch {fastest}, average time is {means[fastest]:.4f} s/iter')
        print(f'time std over epochs is {statistics.pstdev(means.values()):.4f}')
        print(f'average iter time: {statistics.fmean(means.values()):.4f} s/iter')


def main() -> None:
    """Run the sub-command."""
    args = parse_args()
    try:
        args.run(args)
    except LogError as error:
        sys.exit(f'Error: {error}')


if __name__ == '__main__':
    main()

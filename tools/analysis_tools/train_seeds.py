"""Train a config with several seeds, its ANN twin beside it, and print mean and spread.

Each run is a `tools/train.py` of its own below the work dir. Called again, it resumes runs that
were stopped and leaves finished ones alone. The figures are those of the last validation.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean

from rich.console import Console
from rich.table import Table

TRAIN = Path(__file__).resolve().parents[1] / 'train.py'
RESULT = 'seed_result.json'
# Figures of a validation that are shown unless --metrics names others.
SHOWN = (
    'coco/bbox_mAP',
    'coco/segm_mAP',
    'coco/segm_mAP_50',
    'mIoU',
    'accuracy/top1',
    'firing_rate/mean',
    'energy_mj/total',
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('config', help='config file')
    add('--seeds', nargs='+', type=int, default=[0, 1, 2], help='default: 0 1 2')
    add('--twin', action='store_true', help='train the ANN twin with each seed, too')
    add('--jobs', type=int, default=1, help='runs at a time; they share the cores')
    add('--work-dir', type=Path, help='default: work_dirs/<config>_seeds')
    add('--metrics', nargs='+', default=list(SHOWN), help='figures to show')
    add('--cfg-options', nargs='+', default=[], help='passed to every training')
    args = parser.parse_args()
    if args.jobs < 1 or len(set(args.seeds)) < len(args.seeds):
        parser.error('--jobs must be at least 1, and --seeds must differ.')
    return args


def train(args: argparse.Namespace, twin: bool, seed: int) -> dict:
    """One training, or what it gave before; the result is kept beside its checkpoints.

    Raises:
        RuntimeError: The training ended with an error.
    """
    folder = args.work_dir / f'{"twin" if twin else "spiking"}_seed{seed}'
    result = folder / RESULT
    if result.is_file():
        return json.loads(result.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(TRAIN), args.config]
    command += ['--work-dir', str(folder)]
    command += ['--ann-twin'] if twin else []
    resumes = (folder / 'last_checkpoint').is_file()
    command += ['--resume'] if resumes else []
    command += ['--cfg-options', f'randomness.seed={seed}', *args.cfg_options]
    threads = str(max(1, (os.cpu_count() or 1) // args.jobs))
    begin = time.time()
    with open(folder / 'printed.log', 'a') as log:
        code = subprocess.run(
            command,
            check=False,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={'OMP_NUM_THREADS': threads, **os.environ},
        ).returncode
    if code:
        raise RuntimeError(f'{" ".join(command)} ended with exit code {code}: {folder}/printed.log')
    found = last_validation(folder)
    if not resumes:
        found['minutes'] = (time.time() - begin) / 60
    result.write_text(json.dumps(found))
    return found


def last_validation(folder: Path) -> dict[str, float]:
    """The figures of the last validation in the logs of a work dir."""
    logs = sorted(folder.glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    validations = [row for row in rows if 'lr' not in row and 'loss' not in row]
    return validations[-1] if validations else {}


def summary(title: str, runs: dict[str, list[dict]], metrics: list[str]) -> Table:
    """Mean and spread of each figure.

    Args:
        title: Of the table.
        runs: Name of the network -> figures of each seed.
        metrics: Which figures.
    """
    table = Table(title=title)
    for heading in ('figure', *runs):
        table.add_column(heading, justify='left' if heading == 'figure' else 'right')
    for metric in [*metrics, 'minutes']:
        cells = [spread([run[metric] for run in found if metric in run]) for found in runs.values()]
        if any(cells):
            table.add_row(metric, *cells)
    return table


def spread(values: list[float]) -> str:
    """Such as ``0.600 (0.581 to 0.612)``."""
    if not values:
        return ''
    digits = 3 if max(values) < 10 else 1
    low, middle, high = (f'{x:.{digits}f}' for x in (min(values), mean(values), max(values)))
    return f'{middle} ({low} to {high})'


def main() -> None:
    """Train and sum up."""
    args = parse_args()
    args.work_dir = args.work_dir or Path('work_dirs') / f'{Path(args.config).stem}_seeds'
    kinds = (False, True) if args.twin else (False,)
    console = Console()
    jobs = [(twin, seed) for seed in args.seeds for twin in kinds]
    runs: dict[str, list[dict]] = {'ANN twin' if twin else 'spiking': [] for twin in kinds}
    with (
        ThreadPoolExecutor(args.jobs) as pool,
        console.status(f'{len(jobs)} trainings, logs below {args.work_dir}'),
    ):
        futures = [pool.submit(train, args, *job) for job in jobs]
        for (twin, seed), future in zip(jobs, futures, strict=True):
            found = future.result()
            runs['ANN twin' if twin else 'spiking'].append(found)
            figures = {key: round(found[key], 4) for key in args.metrics if key in found}
            console.print(f'{"ANN twin" if twin else "spiking"}, seed {seed}: {figures}')
    seeds = ', '.join(map(str, args.seeds))
    console.print(summary(f'{Path(args.config).stem}, seeds {seeds}', runs, args.metrics))


if __name__ == '__main__':
    try:
        main()
    except RuntimeError as error:
        sys.exit(f'Error: {error}')

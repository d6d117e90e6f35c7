"""Trains the demo detector on the Shapes data set, tests it and sums up: `make demo`.

It writes below the current folder, into ``data`` and ``work_dirs``.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

TOOLS = Path(__file__).resolve().parents[1]
CONFIG = 'configs/det/mask_rcnn_esf_demo.py'
FIGURES = {
    'box AP': 'coco/bbox_mAP',
    'mask AP': 'coco/segm_mAP',
    'mask AP50': 'coco/segm_mAP_50',
    'mean firing rate': 'firing_rate/mean',
    'energy for one picture (mJ)': 'energy_mj/total',
}
console = Console()


def run(title: str, *command: str) -> None:
    """Run one of our tools with its output visible; end with its exit code if it fails."""
    console.rule(title)
    print('python', *command, flush=True)
    code = subprocess.run([sys.executable, *command], check=False).returncode
    if code:
        console.print(f'[red]The demo stopped: "{title}" ended with exit code {code}; see above.')
        sys.exit(code if code > 0 else 128 - code)  # a signal is reported as a shell does


def newest_metrics(work_dir: Path, since: float) -> dict:
    """The figures that tools/test.py wrote: WORK_DIR/<timestamp>/<timestamp>.json.

    Args:
        work_dir: Where the test wrote.
        since: When the test began, in seconds; older files belong to other runs.

    Raises:
        FileNotFoundError: If the test wrote none.
    """
    files = [path for path in work_dir.glob('*/*.json') if path.stem == path.parent.name]
    files = [path for path in files if path.stat().st_mtime >= since - 1]
    if not files:
        raise FileNotFoundError(
            f'expected {work_dir}/<timestamp>/<timestamp>.json from tools/test.py, found none'
        )
    return json.loads(max(files, key=lambda path: path.stat().st_mtime).read_text())


def summary(metrics: dict, places: dict) -> Table:
    """The short table at the end.

    Args:
        metrics: What the test measured, by metric key.
        places: Further rows: what, and where or how long.
    """
    table = Table(title='mmsfa demo: spiking Mask R-CNN on Shapes', show_header=False)
    table.add_column(style='bold', no_wrap=True)
    table.add_column(overflow='fold')
    for name, key in FIGURES.items():
        table.add_row(name, f'{metrics[key]:.3f}' if key in metrics else f'not reported ({key})')
    for name, place in places.items():
        table.add_row(name, str(place))
    return table


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add('--work-dir', type=Path, default=Path('work_dirs', 'mask_rcnn_esf_demo'))
    add('--data-dir', type=Path, default=Path('data', 'shapes'), help='where Shapes is drawn')
    add('--num-train', type=int, default=320, help='training pictures (default: %(default)s)')
    add('--num-val', type=int, default=64, help='validation pictures (default: %(default)s)')
    add('--cfg-options', nargs='+', default=[], help='passed to train and test')
    return parser.parse_args()


def main() -> None:
    """Data, training, test, summary."""
    args = parse_args()
    work_dir, data_dir = args.work_dir.absolute(), args.data_dir.absolute()
    options = ['--cfg-options', f'data_root={data_dir}', *args.cfg_options]
    common = ['--work-dir', str(work_dir), *options]

    begin = time.time()
    numbers = ['--num-train', str(args.num_train), '--num-val', str(args.num_val)]
    run(
        'Drawing the Shapes data set',
        str(TOOLS / 'dataset_converters/make_shapes.py'),
        str(data_dir),
        *numbers,
    )
    run('Training', str(TOOLS / 'train.py'), CONFIG, *common)
    trained = time.time()
    checkpoint = Path((work_dir / 'last_checkpoint').read_text().strip())
    pictures = work_dir / 'pictures'
    drawing = ['--show-dir', str(pictures)]
    run('Testing', str(TOOLS / 'test.py'), CONFIG, str(checkpoint), *drawing, *common)

    drawn = sum(path.stat().st_mtime >= trained - 1 for path in pictures.rglob('*.png'))
    places = {
        'pictures': f'{pictures} ({drawn} files)',
        'checkpoint': checkpoint,
        'time': f'{(time.time() - begin) / 60:.1f} minutes',
    }
    console.rule('Summary')
    console.print(summary(newest_metrics(work_dir, trained), places))


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('\nThe demo was interrupted. Call it again: the data and the environment stay.')

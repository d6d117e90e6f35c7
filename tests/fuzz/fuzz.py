"""Damage the shipped configs and checkpoints and see how the tools take it.

    python -m tests.fuzz.fuzz --count 1000 --seed 0
    python -m tests.fuzz.fuzz --seed 0 --case 123     the same case again, with what it printed

Each case runs tools/train.py or tools/test.py in a forked child, with limits of time and memory.
Exit code 1 if a case ended in anything but a valid run or an error of a few lines. Linux only.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import mmsfa  # first, as in the tools: it repairs torchvision

# isort: split
import cv2
import mmdet.utils
import mmpretrain.utils
import mmseg.utils
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

import mmsfa.datasets.events
import mmsfa.det
import mmsfa.pretrain
import mmsfa.seg
import mmsfa.visualization.events  # noqa: F401  all is imported before the forks
from tests.fuzz.bases import DEMOS, OTHERS
from tests.fuzz.cases import FINE, TIME_LIMIT, Fuzzer, Outcome


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--count', type=int, default=1000, help='cases (default: %(default)s)')
    parser.add_argument('--first', type=int, default=0, help='number of the first case')
    parser.add_argument('--seed', type=int, default=0, help='of all cases (default: %(default)s)')
    parser.add_argument('--only', choices=['config', 'checkpoint'], help='what is damaged')
    parser.add_argument('--case', type=int, help='run this one and show it')
    parser.add_argument('--bases', action='store_true', help='run the configs without damage')
    parser.add_argument('--time-limit', type=float, default=TIME_LIMIT, help='seconds for a case')
    parser.add_argument('--out', type=Path, help='.jsonl file for all outcomes')
    parser.add_argument('--work-dir', help='folder of the cases (default: a temporary one)')
    return parser.parse_args()


def show(outcomes: list[Outcome], seconds: float, console: Console) -> None:
    """Print the failures and a table of all outcomes."""
    for one in outcomes:
        if one.kind not in FINE:
            console.print(
                f'\ncase {one.number}: {one.kind}\n  {one.what}\n{one.text}', markup=False
            )
    table = Table(title=f'{len(outcomes)} cases in {seconds:.0f} s')
    for column in ('outcome', 'cases', 'slowest [s]'):
        table.add_column(column, justify='left' if column == 'outcome' else 'right')
    for kind, number in Counter(one.kind for one in outcomes).most_common():
        slowest = max(one.seconds for one in outcomes if one.kind == kind)
        table.add_row(kind if kind in FINE else f'FAILED: {kind}', str(number), f'{slowest:.1f}')
    console.print(table)


def main() -> None:
    """Run the cases."""
    args = parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    for library in (mmdet, mmseg, mmpretrain):
        library.utils.register_all_modules(init_default_scope=False)
    gc.freeze()  # else the children spend most of their time in looking for garbage of ours
    console = Console(width=200 if not sys.stdout.isatty() else None)
    with tempfile.TemporaryDirectory(prefix='fuzz_') as folder:
        if args.work_dir:
            folder = args.work_dir
            Path(folder).mkdir(parents=True)
        fuzzer = Fuzzer(Path(folder).resolve(), args.seed, args.time_limit)
        if args.case is not None:
            one = fuzzer.case(args.case, args.only)
            console.print(f'{one.kind}, {one.seconds:.1f} s\n{one.what}\n{one.text}', markup=False)
            sys.exit(one.kind not in FINE)
        if args.bases:
            for name in (*DEMOS, *OTHERS):
                console.print(f'{name}: {fuzzer.unchanged(name)}', markup=False)
            return
        outcomes, start = [], time.monotonic()
        numbers = range(args.first, args.first + args.count)
        for number in track(numbers, 'cases', console=console, disable=not console.is_terminal):
            outcomes.append(fuzzer.case(number, args.only))
            if args.out:
                with args.out.open('a') as file:
                    file.write(json.dumps(outcomes[-1]._asdict()) + '\n')
    show(outcomes, time.monotonic() - start, console)
    sys.exit(any(one.kind not in FINE for one in outcomes))


if __name__ == '__main__':
    main()

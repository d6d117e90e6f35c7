"""Check every file of a config's data sets: pictures, label maps, annotations, recordings."""

from __future__ import annotations

import mmsfa  # noqa: F401  first: it says what is wrong with an installation

# isort: split

import argparse
import os
import sys
import time
from collections.abc import Iterator

from mmengine.config import Config
from mmengine.registry import init_default_scope
from rich.console import Console
from rich.table import Table

from mmsfa.cli.options import add_config_options, read_config, run_tool
from mmsfa.config.check_datasets import check_datasets
from mmsfa.config.scopes import scope_of
from mmsfa.data_check.fault import Fault, list_faults
from mmsfa.data_check.file_task import Finding, run_task
from mmsfa.data_check.files_of_config import collect
from mmsfa.data_check.label_maps import notes_on
from mmsfa.data_check.many_files import KILLED, run_parallel, show_progress
from mmsfa.data_check.turned_pictures import check_orientation, pictures_of_tasks
from mmsfa.errors import OptionError

SPLITS = ('train', 'val', 'test')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_options(parser)
    parser.add_argument('--splits', nargs='+', choices=SPLITS, default=SPLITS)
    parser.add_argument(
        '--workers',
        type=int,
        default=min(16, os.cpu_count() or 1),
        help='processes; 0 checks in this one (default: %(default)s)',
    )
    parser.add_argument(
        '--quick', action='store_true', help='look at both ends of each file, decode nothing'
    )
    return parser.parse_args()


def distinct_splits(cfg: Config, splits: list[str]) -> Iterator[tuple[str, list[str]]]:
    """(split, all splits of the same data set): test is often the same as val."""
    groups: dict[str, list[str]] = {}
    for split in splits:
        dataset = (cfg.get(f'{split}_dataloader') or {}).get('dataset')
        if dataset:
            groups.setdefault(repr(dataset), []).append(split)
    yield from ((names[0], names) for names in groups.values())


def main() -> None:
    """Check, print a table of all faults and how many there are."""
    args = parse_args()
    if args.workers < 0:
        raise OptionError(f'--workers must be 0 or more, got {args.workers}.')
    cfg = read_config(args)
    scope_of(cfg)
    init_default_scope(cfg.default_scope)
    check_datasets(cfg, *args.splits)
    groups = list(distinct_splits(cfg, args.splits))
    if not groups:
        raise OptionError(f'{args.config} has no data set for {", ".join(args.splits)}.')

    rows: list[tuple[str, Fault]] = []
    unclear: list[Fault] = []
    number, started = 0, time.perf_counter()
    for split, names in groups:
        label = ', '.join(names)
        tasks, faults = collect(cfg, split, deep=not args.quick)
        checked = run_parallel(run_task, tasks, args.workers, killed=Finding(KILLED))
        seen: set[int] = set()
        for task, found in show_progress(checked, len(tasks), f'Checking {label}'):
            seen |= found.classes
            if found.what is not None:
                faults.append(Fault(task.path, found.what))
        rows += [(label, fault) for fault in sorted(faults)]
        number += len(tasks)
        unclear += check_orientation(pictures_of_tasks(tasks))[1]
        print(f'{label}: {len(tasks):,} files, {len(faults):,} faults')
        for note in notes_on(tasks, None if args.quick else seen):
            print(f'{label}: {note}')
    seconds = time.perf_counter() - started
    if rows:
        _print_table(rows)
    if unclear:
        print(
            f'{len(unclear):,} pictures with an orientation tag of which nobody can tell whether '
            'they were annotated as they are read; look at some '
            f'(tools/analysis_tools/browse_dataset.py, docs/datasets.md):\n{list_faults(unclear)}'
        )
    how = 'looked at' if args.quick else 'decoded'
    print(f'{number:,} files {how} in {seconds:.1f} s, {len(rows):,} faults')
    if rows:
        sys.exit(1)


def _print_table(rows: list[tuple[str, Fault]]) -> None:
    table = Table('split', 'file', 'fault')
    for column in table.columns[1:]:
        column.overflow = 'fold'  # whole paths, to be copied
    for label, (path, what) in rows:
        table.add_row(label, path, what)
    Console(markup=False, highlight=False).print(table)


if __name__ == '__main__':
    run_tool(main)

"""Look at many files at once: in threads, in processes that may die, with a progress bar."""

from __future__ import annotations

import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import cv2
from rich.progress import Progress

from .fault import Fault
from .sample_file import check_image

Item = TypeVar('Item')
Result = TypeVar('Result')
Check = Callable[[Item], Result]

THREADS = 16  # more than there are cores: network disks make each file wait
FILES_A_TASK = 64  # one task a file would cost more than the look at it
ITEMS_A_TASK = 16  # enough to outweigh the way to the other process
SHORT_WORK = 1.0  # seconds; it leaves no trace in the terminal
KILLED = 'kills the process that decodes it'


def check_files(files: Sequence[str]) -> list[Fault]:
    """Look at both ends of each file, without decoding it.

    Args:
        files: Local paths.
    """
    return find_faults(check_image, files)


def find_faults(check: Callable[[str], str | None], files: Sequence[str]) -> list[Fault]:
    """Look at each file, in threads.

    Args:
        check: Says in one short phrase what is wrong with a file.
        files: Local paths.
    """
    checked = in_threads(check, files, 'Looking at files')
    return [Fault(path, what) for path, what in checked if what is not None]


def in_threads(
    look: Callable[[Item], Result], items: Sequence[Item], what: str
) -> list[tuple[Item, Result]]:
    """Look at many items that are waited for, such as files on a network disk.

    Args:
        look: What is done with each.
        items: Any.
        what: Stands before the progress bar.

    Returns:
        Each item and what came of it, in their order.
    """

    def look_at_some(start: int) -> list[tuple[Item, Result]]:
        return [(item, look(item)) for item in items[start : start + FILES_A_TASK]]

    starts = range(0, len(items), FILES_A_TASK)
    with ThreadPoolExecutor(THREADS) as pool:
        results = show_progress(pool.map(look_at_some, starts), len(starts), what)
        return [pair for pairs in results for pair in pairs]


def run_parallel(
    check: Check[Item, Result], items: Sequence[Item], workers: int, killed: Result
) -> Iterator[tuple[Item, Result]]:
    """Check all items, in no certain order.

    A decoder that crashes takes its process along. Then the items that were under way are checked
    one by one, each in a process of its own, so that only the culprit is blamed.

    Why not loky: there, too, a dead worker breaks the pool, and what waits is lost without a word
    of who did it (899 of 1,000 items in a trial with two crashes, loky 3.7; here none).

    Args:
        check: A function of a module.
        items: Its arguments.
        workers: Processes; 0 runs in this one.
        killed: Result of an item that kills the process that checks it.

    Yields:
        Each item and its result.
    """
    if workers == 0:
        for item in items:
            yield item, check(item)
        return
    starts = range(0, len(items), ITEMS_A_TASK)
    chunks = deque(items[start : start + ITEMS_A_TASK] for start in starts)
    while chunks:
        flying: dict[Future, Sequence[Item]] = {}
        try:
            with _pool(workers) as pool:
                while chunks or flying:
                    while chunks and len(flying) < 2 * workers:
                        flying[pool.submit(_check_chunk, check, chunks[0])] = chunks[0]
                        chunks.popleft()
                    for future in wait(flying, return_when=FIRST_COMPLETED).done:
                        whats = future.result()
                        yield from zip(flying.pop(future), whats, strict=True)
        except BrokenProcessPool:
            for chunk in flying.values():
                yield from ((item, _alone(check, item, killed)) for item in chunk)


def _pool(workers: int) -> ProcessPoolExecutor:
    # Forked, as the data loaders are: a fresh Python would import torch first.
    context = multiprocessing.get_context('fork')
    return ProcessPoolExecutor(workers, context, initializer=cv2.setNumThreads, initargs=(0,))


def _check_chunk(check: Check[Item, Result], chunk: Sequence[Item]) -> list[Result]:
    return [check(item) for item in chunk]


def _alone(check: Check[Item, Result], item: Item, killed: Result) -> Result:
    try:
        with _pool(1) as pool:
            return pool.submit(check, item).result()
    except BrokenProcessPool:
        return killed


def show_progress(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Pass items on; a bar appears once they have taken longer than a second.

    Args:
        items: Any.
        total: How many there are.
        what: Stands before the bar.
    """
    bar, started = None, time.monotonic()
    try:
        for number, item in enumerate(items, 1):
            if bar is None and time.monotonic() - started > SHORT_WORK:
                bar = Progress(transient=True)
                bar.start()
                task = bar.add_task(what, total=total)
            if bar is not None:
                bar.update(task, completed=number)
            yield item
    finally:
        if bar is not None:
            bar.stop()

"""Run a function on many items in processes, and survive the death of one."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import cv2

Item = TypeVar('Item')
Check = Callable[[Item], 'str | None']

CHUNK = 16  # items a task: enough to outweigh the way to the other process
KILLED = 'kills the process that decodes it'


def run_parallel(
    check: Check, items: Sequence[Item], workers: int
) -> Iterator[tuple[Item, str | None]]:
    """Check all items, in no certain order.

    A decoder that crashes takes its process along. Then the items that were under way are checked
    one by one, each in a process of its own, so that only the culprit is blamed.

    Args:
        check: A function of a module.
        items: Its arguments.
        workers: Processes; 0 runs in this one.

    Yields:
        Each item and what is wrong with it.
    """
    if workers == 0:
        for item in items:
            yield item, check(item)
        return
    chunks = deque(items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
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
                yield from ((item, _alone(check, item)) for item in chunk)


def _pool(workers: int) -> ProcessPoolExecutor:
    # Forked, as the data loaders are: a fresh Python would import torch first.
    context = multiprocessing.get_context('fork')
    return ProcessPoolExecutor(workers, context, initializer=cv2.setNumThreads, initargs=(0,))


def _check_chunk(check: Check, chunk: Sequence[Item]) -> list[str | None]:
    return [check(item) for item in chunk]


def _alone(check: Check, item: Item) -> str | None:
    try:
        with _pool(1) as pool:
            return pool.submit(check, item).result()
    except BrokenProcessPool:
        return KILLED

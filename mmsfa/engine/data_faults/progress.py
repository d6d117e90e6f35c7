"""A progress bar for checks that may turn out to be long."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import Progress

Item = TypeVar('Item')


def show_progress(
    items: Iterable[Item], total: int, what: str, wait: float = 1.0
) -> Iterator[Item]:
    """Pass items on; a bar appears once they have taken longer than ``wait`` seconds.

    Args:
        items: Any.
        total: How many there are.
        what: Stands before the bar.
        wait: In seconds; short work leaves no trace in the terminal.
    """
    bar, started = None, time.monotonic()
    try:
        for number, item in enumerate(items, 1):
            if bar is None and time.monotonic() - started > wait:
                bar = Progress(transient=True)
                bar.start()
                task = bar.add_task(what, total=total)
            if bar is not None:
                bar.update(task, completed=number)
            yield item
    finally:
        if bar is not None:
            bar.stop()

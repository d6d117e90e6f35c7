"""Look at many files at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from .fault import Fault
from .images import check_image
from .progress import show_progress

CHUNK = 64  # files a task: one task a file would cost more than the look at it


def check_files(files: Sequence[str], num_threads: int = 16, what: str = 'files') -> list[Fault]:
    """Look at both ends of each file, without decoding it.

    Args:
        files: Local paths.
        num_threads: More than there are cores, because network disks make each file wait.
        what: Stands before the progress bar.
    """

    def look(start: int) -> list[Fault]:
        checked = ((path, check_image(path)) for path in files[start : start + CHUNK])
        return [Fault(path, what) for path, what in checked if what is not None]

    starts = range(0, len(files), CHUNK)
    with ThreadPoolExecutor(num_threads) as pool:
        results = show_progress(pool.map(look, starts), len(starts), f'Looking at {what}')
        return [fault for faults in results for fault in faults]

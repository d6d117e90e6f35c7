"""What a worker of a loader does first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from threading import Thread

CHECK_INTERVAL = 5.0  # seconds, as torch's own workers look


class WorkerStart:
    """Another ``worker_init_fn``, in a worker that ends when its training was killed.

    torch's worker leaves its loop then, but waits for ever to hand over the batches that nobody
    takes any more. It would keep its memory, and keep open what the training printed to.

    Args:
        init_fn: What else a worker shall do first; it gets the number of the worker.
    """

    def __init__(self, init_fn: Callable[[int], None] | None) -> None:
        self.init_fn = init_fn

    def __call__(self, worker_id: int) -> None:
        """Begin to watch the process that has started this one."""
        Thread(target=_end_after, args=(os.getppid(),), daemon=True).start()
        if self.init_fn is not None:
            self.init_fn(worker_id)


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(CHECK_INTERVAL)
    os._exit(1)

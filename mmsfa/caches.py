"""A place for the caches of other packages where the home folder cannot be written.

mmdet imports imgaug, whose functions numba compiles with a cache on the disk. Where neither the
installed package nor the home folder can be written, as in many containers, that import ends in
"cannot cache function". Matplotlib and torch fall back by themselves.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

VARIABLE = 'NUMBA_CACHE_DIR'


def provide() -> None:
    """Give numba a folder for this process and its children, unless it has one or can make one."""
    if VARIABLE in os.environ or _can_write(_home_cache()):
        return
    with suppress(OSError):  # nothing can be written at all: numba says so
        folder = tempfile.mkdtemp(prefix='mmsfa_')
        os.environ[VARIABLE] = folder
        atexit.register(_remove, folder, os.getpid())


def _home_cache() -> Path:
    return Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache').expanduser()


def _can_write(folder: Path) -> bool:
    """Try it: permissions alone do not tell, for root or on a file system that is read-only."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _remove(folder: str, owner: int) -> None:
    """Clean up; a forked process that ends first leaves it to its parent."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)

"""Keep the files of two runs in one work dir apart.

mmengine puts the log of a run into ``work_dir/<second>`` and its checkpoints into ``work_dir``. Two
trainings there overwrite each other's checkpoints, and two runs that begin in one second write
into one folder.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from mmengine.config import Config

from mmsfa.errors import UserError

TRAINING, START = '.training', '.start'  # files in the work dir that are locked
PATIENCE = 60.0  # seconds that a run waits for another one that is being started
_RANKS = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')
_held: list[IO[str]] = []  # a lock ends when its file is closed


class WorkDirInUseError(UserError):
    """Another training writes its checkpoints into this work dir."""


def claim_work_dir(cfg: Config) -> None:
    """Refuse a second training in the work dir of one that is running.

    The claim ends with the process, however it ends. Where files cannot be locked, nothing is
    refused.

    Args:
        cfg: The whole config, with ``work_dir`` and ``launcher``.

    Raises:
        WorkDirInUseError: Another training, of this or another machine, is running there.
    """
    if not _is_main(cfg) or (file := _open(cfg.work_dir, TRAINING)) is None:
        return
    if not _lock(file):
        file.seek(0)
        who = file.read().strip() or 'its process is unknown'
        file.close()
        raise WorkDirInUseError(
            f'Another training is running in {cfg.work_dir} ({who}), and both would overwrite each '
            "other's checkpoints. Give another --work-dir, or wait until it has ended."
        )
    file.truncate(0)
    file.write(f'process {os.getpid()} on {socket.gethostname()}')
    file.flush()
    _held.append(file)


@contextmanager
def folder_of_its_own(cfg: Config) -> Iterator[None]:
    """Within it a Runner is built, whose folder no other run of the tools has.

    Args:
        cfg: The whole config, with ``work_dir`` and ``launcher``.
    """
    file = _open(cfg.work_dir, START) if _is_main(cfg) else None
    if file is None:
        yield
        return
    with file:
        until = time.monotonic() + PATIENCE
        while not _lock(file) and time.monotonic() < until:
            time.sleep(0.2)
        while os.path.exists(os.path.join(cfg.work_dir, time.strftime('%Y%m%d_%H%M%S'))):
            time.sleep(0.05)
        yield


def _is_main(cfg: Config) -> bool:
    return os.environ.get(_RANKS.get(cfg.get('launcher', 'none'), ''), '0') == '0'


def _open(folder: str, name: str) -> IO[str] | None:
    try:
        os.makedirs(folder, exist_ok=True)
        return open(os.path.join(folder, name), 'a+', encoding='utf-8')
    except OSError:  # mmengine says what is wrong with the work dir
        return None


def _lock(file: IO[str]) -> bool:
    """Whether the file is ours now; True as well where there are no locks.

    A record lock belongs to one process. One of ``flock`` would live on in the workers of a data
    loader, so that a training that was killed could not be resumed at once.
    """
    try:
        import fcntl

        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except (ImportError, OSError):  # Windows, or a file system without locks
        return True
    return True

"""Write a file whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from mmsfa.errors import UserError

_PARTIAL = re.compile(r'\..+\.\d+\.partial')


class CheckpointWriteError(UserError, OSError):
    """The disk is full, or refuses the file; what was there before is intact."""


def atomic_write(path: str | os.PathLike, data: bytes) -> None:
    """Put a file in place such that a kill or a power cut leaves the old one or the new one.

    Args:
        path: A local file; its folder is made if need be. A link stays a link.
        data: The whole content.

    Raises:
        CheckpointWriteError: The disk is full, or refuses the file. No temporary file stays.
    """
    target = Path(os.path.realpath(path))
    partial = target.with_name(f'.{target.name}.{os.getpid()}.partial')
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException as error:  # also Ctrl-C
        with suppress(OSError):
            partial.unlink()
        if isinstance(error, OSError):
            raise _explain(error, target, len(data)) from error
        raise
    _sync_folder(target.parent)


def remove_partial_files(folder: str | os.PathLike) -> None:
    """Remove what killed processes were writing with `atomic_write`."""
    for path in Path(folder).glob('.*.partial'):
        if _PARTIAL.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut; some file systems cannot."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _explain(error: OSError, target: Path, needed: int) -> CheckpointWriteError:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return CheckpointWriteError(
            f'{target} cannot be written ({error.strerror or error}): make its folder writable or '
            'choose another --work-dir; files that were there before are intact.'
        )
    what = 'disk quota' if error.errno == errno.EDQUOT else 'disk'
    return CheckpointWriteError(
        f'The {what} is full: {target} needs {needed:,} bytes and {_free(target.parent):,} are '
        'free. Files that were there before are intact: make room (old runs, a smaller '
        'max_keep_ckpts of the checkpoint hook; a new checkpoint is written before an old one is '
        'deleted) and go on with --resume.'
    )


def _free(folder: Path) -> int:
    """Bytes that are free where a folder is, or would be."""
    while not folder.is_dir():
        folder = folder.parent
    return shutil.disk_usage(folder).free


NAME = 'mmsfa_atomic'


class AtomicLocalBackend(LocalBackend):
    """mmengine's local files; what is put goes to a temporary file first and is then renamed.

    Anything with ``backend_args`` can use it: ``backend_args=dict(backend='mmsfa_atomic')``.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes.

        Raises:
            CheckpointWriteError: The disk is full, or refuses the file.
        """
        atomic_write(filepath, obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text.

        Raises:
            CheckpointWriteError: The disk is full, or refuses the file.
        """
        atomic_write(filepath, obj.encode(encoding))


register_backend(NAME, AtomicLocalBackend, force=True)

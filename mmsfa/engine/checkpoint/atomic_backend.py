"""Local files as a file backend of mmengine that writes them whole or not at all."""

from __future__ import annotations

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from .atomic_write import atomic_write

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

"""Delete only after the new file is written."""

from __future__ import annotations

import os
from typing import Any


class DeferredRemovals:
    """A file backend that remembers what it is told to remove, and does so later.

    Args:
        backend: Of mmengine; everything but removing goes to it.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._paths: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str | os.PathLike) -> None:
        """Remember a file."""
        self._paths.append(str(path))

    def rmtree(self, path: str | os.PathLike) -> None:
        """Remember a folder."""
        self._paths.append(str(path))

    def run(self, keep: set[str]) -> None:
        """Remove what was remembered.

        Args:
            keep: Paths that were written again meanwhile.
        """
        for path in self._paths:
            if path not in keep:
                remove(self._backend, path)
        self._paths.clear()


def remove(backend: Any, path: str) -> None:
    """Remove a checkpoint, if it is there; those of DeepSpeed are folders."""
    if backend.isfile(path):
        backend.remove(path)
    elif backend.isdir(path):
        backend.rmtree(path)

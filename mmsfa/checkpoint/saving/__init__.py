"""Checkpoints that survive kills and full disks, and the search for the one to resume from."""

from .atomic_write import AtomicLocalBackend, CheckpointWriteError, atomic_write
from .newest_checkpoint import NoResumableCheckpointError, has_checkpoints, newest_resumable

__all__ = [
    'AtomicLocalBackend',
    'CheckpointWriteError',
    'NoResumableCheckpointError',
    'atomic_write',
    'has_checkpoints',
    'newest_resumable',
]

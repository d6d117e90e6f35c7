"""Checkpoints that survive kills and full disks, and the search for the one to resume from."""

from .atomic_backend import AtomicLocalBackend
from .atomic_checkpoint_hook import AtomicCheckpointHook
from .atomic_write import CheckpointWriteError, atomic_write
from .newest_checkpoint import NoResumableCheckpointError, has_checkpoints, newest_resumable
from .resume_option import apply_resume

__all__ = [
    'AtomicCheckpointHook',
    'AtomicLocalBackend',
    'CheckpointWriteError',
    'NoResumableCheckpointError',
    'apply_resume',
    'atomic_write',
    'has_checkpoints',
    'newest_resumable',
]

"""Checkpoints are data: load them without ever running code that is stored in them.

`patches` puts this behind everything that mmengine loads.
"""

from .checkpoint_errors import BrokenCheckpointError, MissingCheckpointError, UnsafeCheckpointError
from .patches import install
from .safe_checkpoint import is_trusted, safe_load, trust_checkpoints

__all__ = [
    'BrokenCheckpointError',
    'MissingCheckpointError',
    'UnsafeCheckpointError',
    'install',
    'is_trusted',
    'safe_load',
    'trust_checkpoints',
]

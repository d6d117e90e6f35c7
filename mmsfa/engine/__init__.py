"""What runs around a model: safe checkpoint loading, hooks, optimizer wrappers, tool settings.

Everything here registers at mmengine's root, so any mm project can use it by config. Importing
this package makes every checkpoint that mmengine loads a safe one (see `checkpoint_schemes`).
"""

from .amp import CPUAmpOptimWrapper
from .checkpoint_schemes import install
from .hooks import (
    FiringRateHook,
    MainProcessLoggerHook,
    PretrainedNoticeHook,
    ReconstructionHook,
    SpikeInferenceHook,
    SyncNormStatsHook,
)
from .safe_checkpoint import UnsafeCheckpointError, safe_load, trust_checkpoints

install()

__all__ = [
    'CPUAmpOptimWrapper',
    'FiringRateHook',
    'MainProcessLoggerHook',
    'PretrainedNoticeHook',
    'ReconstructionHook',
    'SpikeInferenceHook',
    'SyncNormStatsHook',
    'UnsafeCheckpointError',
    'safe_load',
    'trust_checkpoints',
]

"""What runs around a model: safe checkpoint loading, hooks, optimizer wrappers, tool settings.

Everything here registers at mmengine's root, so any mm project can use it by config. Importing
this package makes every checkpoint that mmengine loads a safe one (see `safe_loading`).
"""

from .amp import CPUAmpOptimWrapper
from .checkpoint import AtomicCheckpointHook, AtomicLocalBackend, newest_resumable
from .data_faults import DataCheckHook, DataFaultError
from .hooks import (
    ExactResumeHook,
    FiringRateHook,
    MainProcessLoggerHook,
    NumericsHook,
    PretrainedNoticeHook,
    ReconstructionHook,
    ScheduleHook,
    SpikeInferenceHook,
    SyncNormStatsHook,
)
from .loops import ResumableEpochBasedTrainLoop, ResumableIterBasedTrainLoop
from .safe_loading import UnsafeCheckpointError, install, safe_load, trust_checkpoints

install()

__all__ = [
    'AtomicCheckpointHook',
    'AtomicLocalBackend',
    'CPUAmpOptimWrapper',
    'DataCheckHook',
    'DataFaultError',
    'ExactResumeHook',
    'FiringRateHook',
    'MainProcessLoggerHook',
    'NumericsHook',
    'PretrainedNoticeHook',
    'ReconstructionHook',
    'ResumableEpochBasedTrainLoop',
    'ResumableIterBasedTrainLoop',
    'ScheduleHook',
    'SpikeInferenceHook',
    'SyncNormStatsHook',
    'UnsafeCheckpointError',
    'newest_resumable',
    'safe_load',
    'trust_checkpoints',
]

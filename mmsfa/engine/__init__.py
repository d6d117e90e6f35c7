"""What runs inside a Runner: hooks, loops, data loading, schedules, optimizer wrappers.

Everything here registers at mmengine's root, so any mm project can use it by config.
"""

from mmsfa.checkpoint.loading import UnsafeCheckpointError, safe_load, trust_checkpoints
from mmsfa.checkpoint.saving import AtomicLocalBackend, newest_resumable
from mmsfa.data_check import DataFaultError

from .amp import CPUAmpOptimWrapper
from .hooks import (
    AtomicCheckpointHook,
    BackwardSparsityHook,
    DataCheckHook,
    ExactResumeHook,
    FiringRateHook,
    MainProcessLoggerHook,
    MetricCheckHook,
    NumericsHook,
    OutputsApartHook,
    PretrainedNoticeHook,
    QuantizationAnnealHook,
    ReconstructionHook,
    ScheduleHook,
    SpikeInferenceHook,
    SpikesAsBytesHook,
    SyncNormStatsHook,
)
from .loops import ResumableEpochBasedTrainLoop, ResumableIterBasedTrainLoop

__all__ = [
    'AtomicCheckpointHook',
    'AtomicLocalBackend',
    'BackwardSparsityHook',
    'CPUAmpOptimWrapper',
    'DataCheckHook',
    'DataFaultError',
    'ExactResumeHook',
    'FiringRateHook',
    'MainProcessLoggerHook',
    'MetricCheckHook',
    'NumericsHook',
    'OutputsApartHook',
    'PretrainedNoticeHook',
    'QuantizationAnnealHook',
    'ReconstructionHook',
    'ResumableEpochBasedTrainLoop',
    'ResumableIterBasedTrainLoop',
    'ScheduleHook',
    'SpikeInferenceHook',
    'SpikesAsBytesHook',
    'SyncNormStatsHook',
    'UnsafeCheckpointError',
    'newest_resumable',
    'safe_load',
    'trust_checkpoints',
]

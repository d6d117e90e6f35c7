"""Hooks, one a file, registered at mmengine's root."""

from .firing_rate_hook import FiringRateHook
from .main_process_logger_hook import MainProcessLoggerHook
from .pretrained_notice_hook import PretrainedNoticeHook
from .reconstruction_hook import ReconstructionHook
from .spike_inference_hook import SpikeInferenceHook
from .sync_norm_stats_hook import SyncNormStatsHook

__all__ = [
    'FiringRateHook',
    'MainProcessLoggerHook',
    'PretrainedNoticeHook',
    'ReconstructionHook',
    'SpikeInferenceHook',
    'SyncNormStatsHook',
]

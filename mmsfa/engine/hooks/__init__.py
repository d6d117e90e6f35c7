"""Hooks, one a file, registered at mmengine's root."""

from .atomic_checkpoint_hook import AtomicCheckpointHook
from .backward_sparsity_hook import BackwardSparsityHook
from .data_check_hook import DataCheckHook
from .exact_resume_hook import ExactResumeHook
from .firing_rate_hook import FiringRateHook
from .main_process_logger_hook import MainProcessLoggerHook
from .metric_check_hook import MetricCheckHook
from .numerics_hook import NumericsHook
from .outputs_apart_hook import OutputsApartHook
from .pretrained_notice_hook import PretrainedNoticeHook
from .quantization_anneal_hook import QuantizationAnnealHook
from .reconstruction_hook import ReconstructionHook
from .schedule_hook import ScheduleHook
from .spike_inference_hook import SpikeInferenceHook
from .spikes_as_bytes_hook import SpikesAsBytesHook
from .sync_norm_stats_hook import SyncNormStatsHook

__all__ = [
    'AtomicCheckpointHook',
    'BackwardSparsityHook',
    'DataCheckHook',
    'ExactResumeHook',
    'FiringRateHook',
    'MainProcessLoggerHook',
    'MetricCheckHook',
    'NumericsHook',
    'OutputsApartHook',
    'PretrainedNoticeHook',
    'QuantizationAnnealHook',
    'ReconstructionHook',
    'ScheduleHook',
    'SpikeInferenceHook',
    'SpikesAsBytesHook',
    'SyncNormStatsHook',
]

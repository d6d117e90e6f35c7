"""Hooks, one a file, registered at mmengine's root."""

from .firing_rate_hook import FiringRateHook
from .pretrained_notice_hook import PretrainedNoticeHook
from .sync_norm_stats_hook import SyncNormStatsHook

__all__ = ['FiringRateHook', 'PretrainedNoticeHook', 'SyncNormStatsHook']

"""Spike-driven necks and heads, and preprocessing, registered in mmseg."""

from mmsfa.compat import require

require('mmseg')

from .data_preprocessor import AnyChannelsSegDataPreProcessor  # noqa: E402
from .heads import SpikeFCNHead, SpikeFPNHead, SpikeUPerHead  # noqa: E402
from .necks import SpikeFPN  # noqa: E402
from .ttfs_head import TTFSSegHead  # noqa: E402

__all__ = [
    'AnyChannelsSegDataPreProcessor',
    'SpikeFCNHead',
    'SpikeFPN',
    'SpikeFPNHead',
    'SpikeUPerHead',
    'TTFSSegHead',
]

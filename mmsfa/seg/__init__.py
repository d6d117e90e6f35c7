"""Spike-driven necks and heads for segmentation, registered in mmseg."""

from mmsfa.compat import require

require('mmseg')

from .heads import SpikeFCNHead, SpikeFPNHead, SpikeUPerHead  # noqa: E402
from .necks import SpikeFPN  # noqa: E402

__all__ = ['SpikeFCNHead', 'SpikeFPN', 'SpikeFPNHead', 'SpikeUPerHead']

"""Spike-driven necks and heads for segmentation, registered in mmseg."""

from .decode_heads import SpikeFCNHead, SpikeFPNHead, SpikeUPerHead
from .necks import SpikeFPN

__all__ = ['SpikeFCNHead', 'SpikeFPN', 'SpikeFPNHead', 'SpikeUPerHead']

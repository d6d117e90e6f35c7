"""Spike-driven necks and heads for detection, registered in mmdet. Detection configs import it."""

from mmsfa.compat import require

require('mmdet')

from .heads import (  # noqa: E402
    SpikeConvFCBBoxHead,
    SpikeFCNMaskHead,
    SpikeRetinaHead,
    SpikeRPNHead,
    SpikeShared2FCBBoxHead,
    SpikeShared4Conv1FCBBoxHead,
)
from .necks import SpikeFPN  # noqa: E402

__all__ = [
    'SpikeConvFCBBoxHead',
    'SpikeFCNMaskHead',
    'SpikeFPN',
    'SpikeRPNHead',
    'SpikeRetinaHead',
    'SpikeShared2FCBBoxHead',
    'SpikeShared4Conv1FCBBoxHead',
]

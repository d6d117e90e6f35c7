"""Spike-driven necks and heads for detection, registered in mmdet. Detection configs import it."""

from ..compat import require

require('mmdet')

from .bbox_heads import SpikeConvFCBBoxHead, SpikeShared2FCBBoxHead, SpikeShared4Conv1FCBBoxHead  # noqa: E402
from .dense_heads import SpikeRetinaHead, SpikeRPNHead  # noqa: E402
from .mask_head import SpikeFCNMaskHead  # noqa: E402
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

"""Spike-driven necks and heads, and preprocessing, for mmdet. Detection configs import it."""

from mmsfa.compat import require

require('mmdet')

from .data_preprocessor import AnyChannelsDetDataPreprocessor  # noqa: E402
from .heads import (  # noqa: E402
    SpikeConvFCBBoxHead,
    SpikeFCNMaskHead,
    SpikeRetinaHead,
    SpikeRPNHead,
    SpikeShared2FCBBoxHead,
    SpikeShared4Conv1FCBBoxHead,
    SpikeYOLOV3Head,
)
from .necks import SpikeFPN, SpikeYOLOV3Neck  # noqa: E402

__all__ = [
    'AnyChannelsDetDataPreprocessor',
    'SpikeConvFCBBoxHead',
    'SpikeFCNMaskHead',
    'SpikeFPN',
    'SpikeRPNHead',
    'SpikeRetinaHead',
    'SpikeShared2FCBBoxHead',
    'SpikeShared4Conv1FCBBoxHead',
    'SpikeYOLOV3Head',
    'SpikeYOLOV3Neck',
]

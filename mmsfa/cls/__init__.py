"""Classification: spike-driven heads, spike times and distillation, registered in mmpretrain."""

from .distilled_classifier import DistilledImageClassifier
from .distilled_head import DistilledLinearClsHead
from .heads import (
    SpikeDistilledLinearClsHead,
    SpikeLinearClsHead,
    SpikeTemporalClsHead,
    TemporalLinearClsHead,
)
from .ttfs_head import TTFSHead
from .two_stream_head import TwoStreamLinearClsHead

__all__ = [
    'DistilledImageClassifier',
    'DistilledLinearClsHead',
    'SpikeDistilledLinearClsHead',
    'SpikeLinearClsHead',
    'SpikeTemporalClsHead',
    'TTFSHead',
    'TemporalLinearClsHead',
    'TwoStreamLinearClsHead',
]

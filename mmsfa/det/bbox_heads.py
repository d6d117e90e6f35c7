"""Spike-driven box heads.

The published heads feed their last two layers with real membrane potentials;
``analog=('fc_cls', 'fc_reg')`` reproduces them.
"""

from __future__ import annotations

from mmdet.models.roi_heads.bbox_heads import (
    ConvFCBBoxHead,
    Shared2FCBBoxHead,
    Shared4Conv1FCBBoxHead,
)
from mmdet.registry import MODELS

from ..layers import SpikeDriven


@MODELS.register_module()
class SpikeConvFCBBoxHead(SpikeDriven, ConvFCBBoxHead):
    """mmdet's ``ConvFCBBoxHead`` with a neuron in front of every convolution and linear layer."""


@MODELS.register_module()
class SpikeShared2FCBBoxHead(SpikeDriven, Shared2FCBBoxHead):
    """mmdet's ``Shared2FCBBoxHead`` with a neuron in front of every linear layer."""


@MODELS.register_module()
class SpikeShared4Conv1FCBBoxHead(SpikeDriven, Shared4Conv1FCBBoxHead):
    """mmdet's ``Shared4Conv1FCBBoxHead`` with a neuron in front of every layer."""

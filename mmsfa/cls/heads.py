"""Spike-driven classification head."""

from __future__ import annotations

from mmpretrain.models.heads import LinearClsHead
from mmpretrain.registry import MODELS

from ..layers import SpikeDriven


@MODELS.register_module()
class SpikeLinearClsHead(SpikeDriven, LinearClsHead):
    """mmpretrain's ``LinearClsHead`` with a neuron between global pooling and classifier.

    The published neuron leaves its integers undivided: ``neuron_cfg=dict(type='mmpretrain.SFA',
    norm=1)``.
    """

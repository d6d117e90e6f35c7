"""Spike-driven classification heads."""

from __future__ import annotations

from mmpretrain.models.heads import LinearClsHead
from mmpretrain.registry import MODELS

from ..layers import SpikeDriven
from .distilled_head import DistilledLinearClsHead


@MODELS.register_module()
class SpikeLinearClsHead(SpikeDriven, LinearClsHead):
    """mmpretrain's ``LinearClsHead`` with a neuron between global pooling and classifier.

    The published neuron leaves its integers undivided: ``neuron_cfg=dict(type='mmpretrain.SFA',
    norm=1)``.
    """


@MODELS.register_module()
class SpikeDistilledLinearClsHead(SpikeDriven, DistilledLinearClsHead):
    """Two linear heads, each with a neuron in front.

    The published large models feed the first head with the real-valued mean: ``analog=('fc',)``.
    """

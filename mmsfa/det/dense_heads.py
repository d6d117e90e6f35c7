"""Spike-driven dense heads for detection."""

from __future__ import annotations

from mmdet.models.dense_heads import RetinaHead, RPNHead
from mmdet.registry import MODELS

from ..layers import SpikeDriven


@MODELS.register_module()
class SpikeRPNHead(SpikeDriven, RPNHead):
    """mmdet's ``RPNHead`` with a neuron in front of every convolution."""


@MODELS.register_module()
class SpikeRetinaHead(SpikeDriven, RetinaHead):
    """mmdet's ``RetinaHead`` with a neuron in front of every convolution."""

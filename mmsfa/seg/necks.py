"""Spike-driven feature pyramid for segmentation."""

from __future__ import annotations

from mmseg.models.necks import FPN
from mmseg.registry import MODELS

from mmsfa.layers import SpikeDriven


@MODELS.register_module()
class SpikeFPN(SpikeDriven, FPN):
    """mmseg's ``FPN`` with a neuron in front of every convolution."""

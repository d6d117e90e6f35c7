"""Spike-driven decode heads for segmentation.

Their read-out ``conv_seg`` reads membrane potentials. The published decoder (Semantic FPN) has a
neuron in front of it, too: ``analog=()``.
"""

from __future__ import annotations

from mmseg.models.decode_heads import FCNHead, FPNHead, UPerHead
from mmseg.registry import MODELS

from mmsfa.layers import SpikeDriven


@MODELS.register_module()
class SpikeUPerHead(SpikeDriven, UPerHead):
    """mmseg's ``UPerHead``: PPM, lateral, FPN and fusion convolutions are spike-driven."""


@MODELS.register_module()
class SpikeFCNHead(SpikeDriven, FCNHead):
    """mmseg's ``FCNHead``, the usual auxiliary head, with a neuron in front of its convolutions."""


@MODELS.register_module()
class SpikeFPNHead(SpikeDriven, FPNHead):
    """mmseg's ``FPNHead``, the published decoder, with a neuron in front of its convolutions."""

"""Spike-driven classification heads.

A linear head is nothing but a read-out: by default it reads the mean membrane potentials and has no
neuron. The published ones have some, see each head.
"""

from __future__ import annotations

from mmpretrain.models.heads import LinearClsHead
from mmpretrain.registry import MODELS

from ..layers import SpikeDriven
from .distilled_head import DistilledLinearClsHead


@MODELS.register_module()
class SpikeLinearClsHead(SpikeDriven, LinearClsHead):
    """mmpretrain's ``LinearClsHead``, with a neuron behind global pooling if ``analog=()``.

    That is how the published 5M to 52M have it, and their neuron leaves its integers undivided:
    ``neuron_cfg=dict(type='mmpretrain.SFA', norm=1)``. The published 83M and 173M have no neuron.
    """


@MODELS.register_module()
class SpikeDistilledLinearClsHead(SpikeDriven, DistilledLinearClsHead):
    """Two linear heads, each with a neuron in front if ``analog=()``.

    The published 83M and 173M have one in front of the second: ``analog=('fc',)``.
    """

"""Spike-driven mask head."""

from __future__ import annotations

from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.registry import MODELS

from ..layers import SpikeDriven


@MODELS.register_module()
class SpikeFCNMaskHead(SpikeDriven, FCNMaskHead):
    """mmdet's ``FCNMaskHead`` with a neuron in front of every (transposed) convolution.

    So has the published head, and real values in front of ``conv_logits`` gain nothing;
    ``analog=('conv_logits',)`` gives them.
    """

    default_analog = ()

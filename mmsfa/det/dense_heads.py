"""Spike-driven dense heads for detection.

The read-outs of a one-stage head read membrane potentials. Those of the RPN have neurons, as
published: its scores only sort proposals, and real values there gain nothing.
"""

from __future__ import annotations

from mmdet.models.dense_heads import RetinaHead, RPNHead
from mmdet.registry import MODELS
from torch import Tensor

from ..layers import SpikeDriven


@MODELS.register_module()
class SpikeRPNHead(SpikeDriven, RPNHead):
    """mmdet's ``RPNHead`` with a neuron in front of every convolution.

    ``analog=('rpn_cls', 'rpn_reg')`` lets its read-outs read membrane potentials.
    """

    default_analog = ()

    def forward_single(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and deltas of one level, without the ReLU of the original: neurons clamp too.

        Args:
            x: (B, in_channels, H, W), membrane potential.

        Returns:
            (B, anchors * classes, H, W) and (B, anchors * 4, H, W).
        """
        x = self.rpn_conv(x)
        return self.rpn_cls(x), self.rpn_reg(x)


@MODELS.register_module()
class SpikeRetinaHead(SpikeDriven, RetinaHead):
    """mmdet's ``RetinaHead`` with a neuron in front of every convolution of its two towers."""

"""Spike-driven necks for detection."""

from __future__ import annotations

from typing import Any

from mmdet.models.necks import FPN, YOLOV3Neck
from mmdet.registry import MODELS

from mmsfa.layers import SpikeDriven
from mmsfa.neurons import SpikingNeuron


@MODELS.register_module()
class SpikeFPN(SpikeDriven, FPN):
    """mmdet's ``FPN`` with a neuron in front of every convolution.

    The published neck clips its counts at D in training and at 1 in evaluation, so that it
    evaluates another network than it trained. Here both clip at D; ``legacy_eval_clip=True``
    reproduces the published evaluation.

    Args:
        *args: Arguments of ``FPN``.
        legacy_eval_clip: Clip the counts at 1 in evaluation, as published.
        **kwargs: Arguments of ``FPN`` and :class:`mmsfa.layers.SpikeDriven`.

    Shape:
        - Input: tuple of (T*B, C_i, H_i, W_i), membrane potentials.
        - Output: tuple of (T*B, out_channels, H_i, W_i), membrane potentials.
    """

    def __init__(self, *args: Any, legacy_eval_clip: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.legacy_eval_clip = legacy_eval_clip
        self.trained_levels = {
            name: neuron.D
            for name, neuron in self.named_modules()
            if isinstance(neuron, SpikingNeuron)
        }

    def train(self, mode: bool = True) -> SpikeFPN:
        """Set the training mode and, with ``legacy_eval_clip``, the clip of the neurons."""
        if self.legacy_eval_clip:
            for name, levels in self.trained_levels.items():
                neuron: Any = self.get_submodule(name)
                neuron.D = levels if mode else 1
        return super().train(mode)


@MODELS.register_module()
class SpikeYOLOV3Neck(SpikeDriven, YOLOV3Neck):
    """mmdet's ``YOLOV3Neck`` with neurons in the place of its leaky ReLUs."""

    def __init__(self, *args: Any, act_cfg: dict | None = None, **kwargs: Any) -> None:
        super().__init__(*args, act_cfg=act_cfg, **kwargs)

"""Spike-driven classification heads."""

from __future__ import annotations

from typing import Any

from mmpretrain.models.heads import LinearClsHead
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor

from mmsfa.layers import SpikeDriven
from mmsfa.neurons.real_time import RealTime, mean_over_time, with_time

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


@MODELS.register_module()
class TemporalLinearClsHead(RealTime, LinearClsHead):
    """A classifier for each time step; the scores are averaged over time.

    It follows a backbone with ``out_time='batch'`` and, mostly, global pooling, spiking or not.

    Args:
        *args: Arguments of mmpretrain's ``LinearClsHead``.
        T: Number of real time steps.
        each_step: Whether the loss is the mean of the losses of the steps, as in TET
            (https://arxiv.org/abs/2202.11946), instead of the loss of their mean score.
        **kwargs: Arguments of mmpretrain's ``LinearClsHead``.

    Shape:
        - Input: tuple of (T*B, in_channels), or maps (T*B, C, H, W) with C*H*W = in_channels, time
          is the slow part of the batch axis.
        - Output: (B, num_classes).
    """

    def __init__(self, *args: Any, T: int, each_step: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.T = T
        self.each_step = each_step

    def pre_logits(self, feats: tuple[Tensor, ...]) -> Tensor:
        """The last features, (T*B, in_channels)."""
        return super().pre_logits(feats).flatten(1)

    def step_scores(self, feats: tuple[Tensor, ...]) -> Tensor:
        """The scores of each time step, (T*B, num_classes)."""
        return super().forward(feats)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Score each time step, then average: (T*B, in_channels) -> (B, num_classes)."""
        return mean_over_time(self.step_scores(feats), self.T)

    def loss(
        self, feats: tuple[Tensor, ...], data_samples: list[DataSample], **kwargs: Any
    ) -> dict[str, Tensor]:
        """The loss of the mean score, or the mean of the losses of the steps."""
        if not self.each_step:
            return super().loss(feats, data_samples, **kwargs)
        return self._get_loss(self.step_scores(feats), list(data_samples) * self.T, **kwargs)


@MODELS.register_module()
class SpikeTemporalClsHead(SpikeDriven, TemporalLinearClsHead):
    """`TemporalLinearClsHead`, with a neuron in front of the classifier if ``analog=()``.

    Then this is the head of the published event-camera model.

    Args:
        *args: Arguments of mmpretrain's ``LinearClsHead``.
        T: Number of real time steps.
        neuron_cfg: Config of the neuron; it gets T as well. Integers are left undivided by default.
        **kwargs: Arguments of `SpikeLinearClsHead`.
    """

    def __init__(self, *args: Any, T: int, neuron_cfg: dict | None = None, **kwargs: Any) -> None:
        neuron_cfg = neuron_cfg or dict(type='mmpretrain.SFA', norm=1)
        super().__init__(*args, T=T, neuron_cfg=with_time(neuron_cfg, T), **kwargs)

"""A head that learns from labels and one that learns from a teacher."""

from __future__ import annotations

from typing import Any

from mmpretrain.models.heads import LinearClsHead
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn


@MODELS.register_module()
class DistilledLinearClsHead(LinearClsHead):
    """Two linear heads on the same features; the prediction is their mean.

    A checkpoint of a ``LinearClsHead`` fills the first one. Source: Touvron et al.,
    https://arxiv.org/abs/2012.12877.

    Args:
        num_classes: Number of classes K.
        in_channels: Channels C of the features.
        **kwargs: Further arguments of ``LinearClsHead``.

    Attributes:
        fc: The head that learns from labels.
        fc_kd: The head that learns from the teacher.

    Shape:
        - Input: tuple of features, the last one (N, C).
        - Output: (N, K), the mean of both scores.
    """

    def __init__(self, num_classes: int, in_channels: int, **kwargs: Any) -> None:
        super().__init__(num_classes, in_channels, **kwargs)
        self.fc_kd = nn.Linear(in_channels, num_classes)

    def forward_heads(self, feats: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """The scores (N, K) of either head: that of the labels, that of the teacher."""
        features = self.pre_logits(feats)
        return self.fc(features), self.fc_kd(features)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """The mean (N, K) of both scores, in training as well."""
        scores, kd_scores = self.forward_heads(feats)
        return (scores + kd_scores) / 2

    def loss(
        self, feats: tuple[Tensor, ...], data_samples: list[DataSample], **kwargs: Any
    ) -> dict[str, Tensor]:
        """The loss without a teacher: both heads learn from the labels."""
        scores, kd_scores = self.forward_heads(feats)
        losses = self._get_loss(scores, data_samples, **kwargs)
        kd_losses = self._get_loss(kd_scores, data_samples, **kwargs)
        losses['loss'] = (losses['loss'] + kd_losses['loss']) / 2
        return losses

"""The classification head of BESTformer."""

from __future__ import annotations

from typing import Any

from mmpretrain.registry import MODELS
from torch import Tensor

from .distilled_head import DistilledLinearClsHead


@MODELS.register_module()
class TwoStreamLinearClsHead(DistilledLinearClsHead):
    """Two linear heads, one for each stream of a :class:`BESTformer`; the prediction is their mean.

    With a teacher (:class:`DistilledImageClassifier`) the head of the older stream learns from the
    labels and that of the newer one from the teacher, as published. Without one both learn from
    the labels: the published code then leaves the second as it was drawn.

    Args:
        num_classes: Number of classes K.
        in_channels: Channels of the features, 2C: those of the backbone with
            ``out_streams='both'``.
        **kwargs: Further arguments of ``LinearClsHead``.

    Attributes:
        fc: The head of the older stream, the output of the last attention.
        fc_kd: The head of the newer stream, the output of the last MLP.

    Shape:
        - Input: tuple of features, the last one (N, 2C).
        - Output: (N, K), the mean of both scores.

    Raises:
        ValueError: ``in_channels`` is odd.
    """

    def __init__(self, num_classes: int, in_channels: int, **kwargs: Any) -> None:
        if in_channels % 2:
            raise ValueError(
                'in_channels must be those of two streams, 2C of the backbone with '
                f"out_streams='both', got {in_channels}."
            )
        super().__init__(num_classes, in_channels // 2, **kwargs)

    def forward_heads(self, feats: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """The scores (N, K) of either head: that of the labels, that of the teacher."""
        older, newer = self.pre_logits(feats).chunk(2, dim=1)
        return self.fc(older), self.fc_kd(newer)

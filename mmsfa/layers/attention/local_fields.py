"""What the values of near tokens add to an attention without a softmax."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmsfa.layers.spike_conv import SpikeConv
from mmsfa.neurons.functional.checks import is_count, is_number


class LocalReceptiveFields(BaseModule):
    r"""Depthwise dilated convolutions of the values, mixed with the attention by head.

    .. math:: y = (1 - \lambda)\, \mathrm{attention}(q, k, v) + \lambda \sum_r \mathrm{BN}(W_r * v)

    Without a softmax the weights of an attention are nearly the same near and far. The convolutions
    read spikes; :math:`\lambda = \mathrm{sigmoid}(l)` and its rest fold into weights and scale.
    Source: LRF-SSA, arXiv 2603.19290, as reported by others; dilations, one kernel a channel, and
    BN are ours.

    Args:
        channels: Channels of the values, heads times e.
        num_heads: Number of heads.
        dilations: Of the 3 x 3 convolutions.
        share: What lambda begins with.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations.

    Attributes:
        logit: l of each head, shape (heads, 1, 1).

    Shape:
        - Input: attended values (T*B, heads, e, N) and the spikes of the values (T*B, C, H, W).
        - Output: (T*B, heads, e, N), membrane potential.

    Raises:
        ValueError: A dilation is no whole number from 1 on, or there is none, or ``share`` is not
            between 0 and 1.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int,
        dilations: Sequence[int] = (1, 2, 3),
        share: float = 0.1,
        *,
        conv_cfg: dict | None,
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        several = isinstance(dilations, Sequence) and len(dilations) > 0
        if not (several and all(map(is_count, dilations))):
            raise ValueError(
                'dilations of local receptive fields must be whole numbers from 1 on, such as '
                f'(1, 2, 3), got {dilations!r}.'
            )
        if not (is_number(share) and 0 < share < 1):
            raise ValueError(f'share must be between 0 and 1, got {share!r}.')
        self.logit = nn.Parameter(torch.full((num_heads, 1, 1), share).logit())
        self.branches = nn.ModuleList(
            SpikeConv(
                channels,
                channels,
                3,
                dilation=dilation,
                groups=channels,
                neuron_cfg=None,
                norm_cfg=norm_cfg,
                conv_cfg=conv_cfg,
            )
            for dilation in dilations
        )

    def forward(self, attended: Tensor, values: Tensor) -> Tensor:
        """The mix of both."""
        near = reduce(torch.add, (branch(values) for branch in self.branches))
        share = self.logit.sigmoid()
        return attended * (1 - share) + near.flatten(2).view_as(attended) * share

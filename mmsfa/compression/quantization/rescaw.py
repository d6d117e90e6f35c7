"""ReScaW, the weight quantiser of QP-SNN: no zero level, a scale for each filter."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .quantizer import QuantizationError, WeightQuantizer

RescaledBy = Literal['mean', 'mean_levels', 'max', 'layer_mean', 'layer_max']
Gradient = Literal['pass', 'clip', 'released']


def rescaw_gamma(rows: Tensor, bits: int, scale: RescaledBy) -> Tensor:
    r"""The range :math:`\gamma` of the grid, which clips the weights.

    - ``'mean'``: mean :math:`|w|` of each filter, as released for classification. It clips 42 % of
      Gaussian weights: for training only.
    - ``'mean_levels'``: that times :math:`(2^b - 1) / 2^{b-1}`, as released for detection; 11 %.
    - ``'max'``: the largest :math:`|w|` of each filter; nothing is clipped.
    - ``'layer_mean'``, ``'layer_max'``: one for the whole layer.

    Args:
        rows: (F, n), one filter a row.
        bits: Bits b of a weight.
        scale: Which.

    Returns:
        (F, 1), or (1, 1) for a layer. A filter of zeros has the smallest normal number.
    """
    size = rows.abs()
    if scale.endswith('max'):
        gamma = size.amax() if scale == 'layer_max' else size.amax(1)
    else:
        gamma = size.mean() if scale == 'layer_mean' else size.mean(1)
    if scale == 'mean_levels':
        gamma = gamma * ((2**bits - 1) / 2 ** (bits - 1))
    return gamma.reshape(-1, 1).clamp(min=torch.finfo(rows.dtype).tiny)


@MODELS.register_module()
class ReScaWQuantizer(WeightQuantizer):
    r"""Quantiser of QP-SNN: :math:`2^b` levels, evenly from :math:`-\gamma` to :math:`\gamma`.

    .. math:: i = \mathrm{round}\left(\frac{s}{2} \left(\mathrm{clip}(w / \gamma, -1, 1) + 1\right)
        \right), \qquad w_q = \gamma \left(\frac{2 i}{s} - 1\right), \qquad s = 2^b - 1

    There is no zero among the levels: a weight of 0 becomes :math:`\gamma / s`, so that a mask of
    weights silences nothing. Source: QP-SNN, https://arxiv.org/abs/2502.05905.

    Args:
        bits: Bits b of a weight, 1..8.
        scale: What :math:`\gamma` is, see :func:`rescaw_gamma`.
        gradient: ``'clip'`` is the published text: none where a weight is clipped; ``'pass'``
            lets all through. ``'released'`` reproduces the released code, whose gradient is
            :math:`1 / \gamma` times too large, also where it clips.

    Shape:
        - Input and output: (F, n), one filter a row.

    Raises:
        QuantizationError: A setting is out of its range.
    """

    stride = 2

    def __init__(
        self, bits: int, scale: RescaledBy = 'mean_levels', gradient: Gradient = 'clip'
    ) -> None:
        super().__init__(bits)
        if scale not in get_args(RescaledBy):
            raise QuantizationError(
                f'scale of ReScaW must be one of {", ".join(get_args(RescaledBy))}, got {scale!r}.'
            )
        if gradient not in get_args(Gradient):
            raise QuantizationError(
                f'gradient of ReScaW must be one of {", ".join(get_args(Gradient))}, '
                f'got {gradient!r}.'
            )
        self.scale: RescaledBy = scale
        self.gradient: Gradient = gradient
        self.largest = 2**bits - 1
        self.smallest = -self.largest

    def scale_of(self, rows: Tensor) -> Tensor:
        r""":math:`\gamma / s`, (F, 1) or (1, 1): the integers are odd numbers."""
        return rescaw_gamma(rows, self.bits, self.scale) / self.largest

    def integers_of(self, rows: Tensor, scale: Tensor) -> Tensor:
        """Odd numbers from -s to s; of two that are equally near the one of the even level i."""
        steps = self.largest
        levels = (((rows / (scale * steps)).clamp(-1, 1) + 1) * (steps / 2)).round()
        return 2 * levels - steps

    def slope_of(self, rows: Tensor, scale: Tensor) -> Tensor | None:
        """See the argument ``gradient``."""
        if self.gradient == 'pass':
            return None
        gamma = scale * self.largest
        return 1 / gamma if self.gradient == 'released' else (rows.abs() <= gamma).to(rows.dtype)

    def settings(self) -> dict[str, object]:
        """What decides its values."""
        return super().settings() | dict(scale=self.scale)

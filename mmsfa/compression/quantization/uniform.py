"""Symmetric uniform quantisation with a zero level, for training and for trained weights."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .quantizer import QuantizationError, WeightQuantizer

RangeRule = Literal['max', 'percentile', 'mse', 'gaussian', 'signed_max']
PerWhat = Literal['filter', 'layer']

# Range in standard deviations that leaves the smallest squared error of Gaussian weights on this
# grid, by bits: the uniform quantisers of Max, "Quantizing for minimum distortion", 1960.
_GAUSSIAN_RANGE = {2: 1.224, 3: 1.952, 4: 2.474, 5: 2.899, 6: 3.27, 7: 3.607, 8: 3.92}
_SHARES_OF_MAX = torch.logspace(-1.7, 0, 81).tolist()


def uniform_range(
    rows: Tensor, bits: int, rule: RangeRule, per: PerWhat, percentile: float = 99.9
) -> Tensor:
    """The absolute value that becomes the largest integer, and beyond which weights are clipped.

    - ``'max'``: the largest absolute value.
    - ``'percentile'``: of the absolute values.
    - ``'mse'``: the one of 81 that leaves the smallest squared error; for trained weights.
    - ``'gaussian'``: the one that does so for Gaussian weights of this deviation; costs as much as
      a mean, for training.
    - ``'signed_max'``: the largest value with its sign, as Q-SNN releases its 8-bit layers.

    Args:
        rows: (F, n), one filter a row.
        bits: Bits of a weight.
        rule: Which.
        per: Whether each filter has its own, or the layer one.
        percentile: Of ``'percentile'``, 0..100.

    Returns:
        (F, 1), or (1, 1) for a layer; above 0.
    """
    if per == 'layer':
        rows = rows.reshape(1, -1)
    size = rows.abs()
    largest = size.amax(1, keepdim=True)
    if rule == 'signed_max':
        limit = rows.amax(1, keepdim=True)
    elif rule == 'max':
        limit = largest
    elif rule == 'percentile':
        rank = max(round(percentile / 100 * size.shape[1]), 1)
        limit = size.kthvalue(rank, dim=1, keepdim=True).values
    elif rule == 'gaussian':
        deviation = rows.square().mean(1, keepdim=True).sqrt()
        limit = torch.minimum(deviation * _GAUSSIAN_RANGE[bits], largest)
    else:
        limit = _least_error(rows, 2 ** (bits - 1) - 1, largest)
    # Nothing to scale by: all zeros, or (signed) nothing above 0.
    return torch.where(limit > 0, limit, torch.where(largest > 0, largest, 1.0))


def _least_error(rows: Tensor, highest: int, largest: Tensor) -> Tensor:
    best, least = largest, torch.full_like(largest, torch.inf)
    for share in _SHARES_OF_MAX:
        scale = (largest * (share / highest)).clamp(min=torch.finfo(rows.dtype).tiny)
        values = (rows / scale).round().clamp(-highest, highest) * scale
        error = (values - rows).square().sum(1, keepdim=True)
        best = torch.where(error < least, largest * share, best)
        least = torch.minimum(error, least)
    return best


@MODELS.register_module()
class UniformQuantizer(WeightQuantizer):
    r"""Symmetric uniform quantiser.

    .. math:: i = \mathrm{clip}(\mathrm{round}(w / \Delta), -n, n), \qquad w_q = \Delta\, i, \qquad
        n = 2^{b-1} - 1

    with :math:`\Delta = \mathrm{range} / n`. The gradient passes.

    Args:
        bits: Bits b of a weight, 2..8.
        scale: How the range is found, see :func:`uniform_range`; ``'gaussian'`` suits training,
            ``'mse'`` trained weights.
        per: ``'filter'`` or ``'layer'``: what has a scale of its own.
        percentile: Of ``scale='percentile'``, 0..100.

    Shape:
        - Input and output: (F, n), one filter a row.

    Raises:
        QuantizationError: A setting is out of its range.
    """

    def __init__(
        self,
        bits: int,
        scale: RangeRule = 'gaussian',
        per: PerWhat = 'filter',
        percentile: float = 99.9,
    ) -> None:
        super().__init__(bits, at_least=2)
        if scale not in get_args(RangeRule):
            raise QuantizationError(
                f'scale of UniformQuantizer must be one of {", ".join(get_args(RangeRule))}, '
                f'got {scale!r}.'
            )
        if per not in get_args(PerWhat):
            raise QuantizationError(
                f"per of UniformQuantizer must be 'filter' or 'layer', got {per!r}."
            )
        if not 0 < percentile <= 100:
            raise QuantizationError(
                f'percentile must be above 0 and at most 100, got {percentile!r}.'
            )
        self.scale: RangeRule = scale
        self.per: PerWhat = per
        self.percentile = percentile
        self.largest = 2 ** (bits - 1) - 1
        self.smallest = -self.largest

    def scale_of(self, rows: Tensor) -> Tensor:
        r""":math:`\Delta`, (F, 1) or (1, 1)."""
        limit = uniform_range(rows, self.bits, self.scale, self.per, self.percentile)
        return limit / self.largest

    def integers_of(self, rows: Tensor, scale: Tensor) -> Tensor:
        """Whole numbers -n..n; half to even. The released ``signed_max`` does not clip."""
        integers = (rows / scale).round()
        if self.scale == 'signed_max':
            return integers
        return integers.clamp(self.smallest, self.largest)

    def settings(self) -> dict[str, object]:
        """What decides its values."""
        more = dict(percentile=self.percentile) if self.scale == 'percentile' else {}
        return super().settings() | dict(scale=self.scale, per=self.per) | more

"""One bit a weight: the sign of the standardised filter (BESTformer, Q-SNN)."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from mmsfa.neurons.functional import straight_through

from .functional import power_of_two, sign, standardize
from .quantizer import QuantizationError, QuantizedWeight, WeightQuantizer

BinaryScale = Literal['mean', 'power_of_two', 'none']
SignGradient = Literal['identity', 'anneal']


def annealed_sharpness(progress: float) -> tuple[float, float]:
    r"""The sharpness t of the tanh that stands for the sign, and its factor k.

    :math:`t = 10^{-1 + 2p}` goes from 0.1 to 10, :math:`k = \max(1 / t, 1)`. Source: Q-SNN,
    https://arxiv.org/abs/2406.13672.

    Args:
        progress: Share p of the training that is done, 0..1.

    Returns:
        t and k.
    """
    t = 10 ** (-1 + 2 * progress)
    return t, max(1 / t, 1.0)


@MODELS.register_module()
class BinaryQuantizer(WeightQuantizer):
    r"""One bit a weight.

    .. math:: h = (w - \mathrm{mean}\,w) / \mathrm{std}\,w, \qquad w_b = \alpha\, \mathrm{sign}(h)

    for each filter, with the deviation of n - 1. A filter of equal weights becomes +1. The gradient
    runs through the standardisation, so that scale and offset of a filter never move. Sources:
    BESTformer, https://arxiv.org/abs/2501.05904 (``scale='none'``, ``gradient='identity'``), and
    Q-SNN, https://arxiv.org/abs/2406.13672 (``'power_of_two'``, ``'anneal'``).

    Args:
        bits: 1; the argument makes all quantisers alike.
        scale: :math:`\alpha` of each filter. ``'mean'``: mean :math:`|w - \mathrm{mean}\,w|`, as
            XNOR-Net does, so that layers without a norm behind them keep their range (our
            default). ``'power_of_two'``: the one that is nearest to mean :math:`|h|`. ``'none'``:
            1, for layers with a BN behind them.
        gradient: Of the sign. ``'identity'`` passes it; ``'anneal'`` takes :math:`k t (1 -
            \tanh^2(t h))`, whose t grows as the training goes on, see :func:`annealed_sharpness`.

    Attributes:
        t: Sharpness of ``'anneal'``; ``QuantizationAnnealHook`` sets it.
        k: Factor of ``'anneal'``.

    Shape:
        - Input and output: (F, n), one filter a row.

    Raises:
        QuantizationError: A setting is out of its range.
    """

    smallest, largest, stride = -1, 1, 2

    def __init__(
        self, bits: int = 1, scale: BinaryScale = 'mean', gradient: SignGradient = 'identity'
    ) -> None:
        super().__init__(bits)
        if bits != 1:
            raise QuantizationError(
                f'BinaryQuantizer has 1 bit, got bits={bits}: take ReScaWQuantizer or '
                'UniformQuantizer for more.'
            )
        if scale not in get_args(BinaryScale):
            raise QuantizationError(
                f'scale of BinaryQuantizer must be one of {", ".join(get_args(BinaryScale))}, '
                f'got {scale!r}.'
            )
        if gradient not in get_args(SignGradient):
            raise QuantizationError(
                f"gradient of BinaryQuantizer must be 'identity' or 'anneal', got {gradient!r}."
            )
        self.scale: BinaryScale = scale
        self.gradient: SignGradient = gradient
        self.anneal(0.0)

    def anneal(self, progress: float) -> None:
        """Sharpen the gradient of the sign as the training goes on, 0..1."""
        self.t, self.k = annealed_sharpness(progress)

    def scale_of(self, rows: Tensor) -> Tensor:
        r""":math:`\alpha`, (F, 1)."""
        if self.scale == 'power_of_two':
            return power_of_two(standardize(rows).abs().mean(1, keepdim=True))
        if self.scale == 'none':
            return rows.new_ones(len(rows), 1)
        spread = (rows - rows.mean(1, keepdim=True)).abs().mean(1, keepdim=True)
        return spread.clamp(min=torch.finfo(rows.dtype).tiny)

    def integers_of(self, rows: Tensor, scale: Tensor) -> Tensor:
        """-1 and +1."""
        return sign(standardize(rows))

    def quantize(self, rows: Tensor, scale: Tensor | None = None) -> QuantizedWeight:
        """As the base class; with a scale that is fixed the signs are those of the weights."""
        if scale is None:
            return super().quantize(rows)
        integers = sign(rows.detach())  # what stays of a filter need not be centred
        return QuantizedWeight(integers * scale, integers, scale)

    def rows_of_fixed_scale(self, rows: Tensor) -> Tensor:
        """Centred: the mean of a filter is another one without the inputs that pruning removes."""
        rows = rows.detach()
        integers = self.integers_of(rows, self.scale_of(rows))
        return (rows - rows.mean(1, keepdim=True)).abs() * integers

    def forward(self, rows: Tensor, scale: Tensor | None = None) -> Tensor:
        """(F, n) -> (F, n) with one absolute value a row, with the gradient of the quantiser."""
        values, _, used = self.quantize(rows, scale)
        if not (torch.is_grad_enabled() and rows.requires_grad):
            return values
        h = standardize(rows)
        slope = used
        if self.gradient == 'anneal':
            slope = used * (self.k * self.t) * (1 - (self.t * h.detach()).tanh().square())
        return straight_through(h, values, slope)

    def settings(self) -> dict[str, object]:
        """What decides its values."""
        return super().settings() | dict(scale=self.scale)

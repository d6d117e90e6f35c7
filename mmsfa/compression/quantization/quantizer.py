"""What every quantiser of weights is asked."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from mmsfa.errors import UserError
from mmsfa.neurons.functional import straight_through

BITS = range(1, 9)


class QuantizationError(UserError, ValueError):
    """A quantisation that does not exist, or that no layer of the model can have."""


class QuantizedWeight(NamedTuple):
    """Weights on a grid: ``values = scale * integers``, exactly.

    Attributes:
        values: (F, n), one filter a row.
        integers: Whole numbers ``smallest..largest`` of the quantiser in steps of its ``stride``,
            (F, n), dtype of the values.
        scale: (F, 1), or (1, 1) where a layer has one.
    """

    values: Tensor
    integers: Tensor
    scale: Tensor


class WeightQuantizer(nn.Module):
    """Base of the quantisers: a subclass tells its scale and its integers.

    It has no parameters of its own: what is trained is the float weight of the layer.

    Args:
        bits: Bits of a weight.

    Attributes:
        smallest: The smallest integer.
        largest: The largest integer.
        stride: Distance of neighbouring integers: 2 on a grid of odd numbers, which has no zero.

    Shape:
        - Input: (F, n), one filter a row.
        - Output: (F, n).

    Raises:
        QuantizationError: The quantiser has no grid of so many bits.
    """

    smallest: int
    largest: int
    stride: int = 1

    def __init__(self, bits: int, at_least: int = 1) -> None:
        super().__init__()
        if isinstance(bits, bool) or bits not in BITS or bits < at_least:
            raise QuantizationError(
                f'bits of {type(self).__name__} must lie in {at_least}..{BITS[-1]}, got {bits!r}.'
            )
        self.bits = int(bits)

    def scale_of(self, rows: Tensor) -> Tensor:
        """What one integer is worth, (F, 1) or (1, 1), from rows without a gradient."""
        raise NotImplementedError(f'{type(self).__name__} must define scale_of.')

    def integers_of(self, rows: Tensor, scale: Tensor) -> Tensor:
        """The nearest integers of the grid, (F, n), dtype of ``rows``."""
        raise NotImplementedError(f'{type(self).__name__} must define integers_of.')

    def slope_of(self, rows: Tensor, scale: Tensor) -> Tensor | None:
        """Factor of the gradient of each weight; None passes it unchanged."""
        return None

    def quantize(self, rows: Tensor, scale: Tensor | None = None) -> QuantizedWeight:
        """Values, integers and scale, without a gradient.

        Args:
            rows: (F, n), one filter a row.
            scale: A scale that was fixed before; None takes the one of these weights.
        """
        rows = rows.detach()
        if scale is None:
            scale = self.scale_of(rows)
        integers = self.integers_of(rows, scale)
        return QuantizedWeight(integers * scale, integers, scale)

    def rows_of_fixed_scale(self, rows: Tensor) -> Tensor:
        """Rows with the same integers once their scale is fixed, (F, n), without a gradient."""
        return rows.detach()

    def forward(self, rows: Tensor, scale: Tensor | None = None) -> Tensor:
        """(F, n) -> (F, n) on the grid, with the gradient of the quantiser."""
        values, _, scale = self.quantize(rows, scale)
        return straight_through(rows, values, self.slope_of(rows.detach(), scale))

    def settings(self) -> dict[str, object]:
        """What decides its values; weights of other settings warn when they are loaded."""
        return dict(quantizer=type(self).__name__, bits=self.bits)

    def extra_repr(self) -> str:
        """Settings that ``print(model)`` shows."""
        return ', '.join(f'{k}={v!r}' for k, v in self.settings().items() if k != 'quantizer')

"""Convolution and linear layers that multiply with quantised weights."""

from __future__ import annotations

from typing import Any, cast

from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from .quantized_layer import QuantizedLayer


class _QuantizedConv(QuantizedLayer):
    """Of the convolutions that are not transposed."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with the quantised weight."""
        conv = cast(Any, self)
        return conv._conv_forward(x, self.effective_weight(), conv.bias)


@MODELS.register_module()
class QuantConv1d(_QuantizedConv, nn.Conv1d):
    """A ``Conv1d`` with quantised weights, for ``conv_cfg``.

    Args:
        *args: Arguments of ``Conv1d``.
        quantizer: Config of the quantiser, or a number of bits.
        **kwargs: Arguments of ``Conv1d``.
    """


@MODELS.register_module()
class QuantConv2d(_QuantizedConv, nn.Conv2d):
    """A ``Conv2d`` with quantised weights, for ``conv_cfg``.

    Args:
        *args: Arguments of ``Conv2d``.
        quantizer: Config of the quantiser, or a number of bits.
        **kwargs: Arguments of ``Conv2d``.

    Example:
        >>> conv_cfg = dict(
        ...     type='mmpretrain.QuantConv2d',
        ...     quantizer=dict(type='mmpretrain.ReScaWQuantizer', bits=4))
    """


@MODELS.register_module()
class QuantConvTranspose2d(QuantizedLayer, nn.ConvTranspose2d):
    """A ``ConvTranspose2d`` with quantised weights; a filter is what gives one output channel.

    Args:
        *args: Arguments of ``ConvTranspose2d``.
        quantizer: Config of the quantiser, or a number of bits.
        **kwargs: Arguments of ``ConvTranspose2d``.
    """

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Convolve with the quantised weight."""
        sizes = self.stride, self.padding, self.kernel_size
        padding = self._output_padding(x, output_size, *sizes, 2, self.dilation)  # type: ignore[arg-type]
        return F.conv_transpose2d(
            x,
            self.effective_weight(),
            self.bias,
            self.stride,
            cast(tuple, self.padding),
            padding,
            self.groups,
            self.dilation,
        )


@MODELS.register_module()
class QuantLinear(QuantizedLayer, nn.Linear):
    """A ``Linear`` with quantised weights.

    Args:
        *args: Arguments of ``Linear``.
        quantizer: Config of the quantiser, or a number of bits.
        **kwargs: Arguments of ``Linear``.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Multiply with the quantised weight."""
        return F.linear(x, self.effective_weight(), self.bias)

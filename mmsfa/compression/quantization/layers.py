"""Convolution and linear layers that multiply with quantised weights."""

from __future__ import annotations

from typing import Any, cast

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.conv import _ConvNd

from mmsfa.neurons.weight_settings import keep_settings

from .packing import PACKED, PackedWeightError, pack, unpack
from .quantizer import QuantizedWeight, WeightQuantizer

SCALE = 'weight_scale'


def build_quantizer(setting: int | dict | WeightQuantizer) -> WeightQuantizer:
    """A quantiser from a number of bits, its config, or itself.

    Args:
        setting: 1 is a ``BinaryQuantizer``, 2..8 a ``UniformQuantizer`` of so many bits; a config
            with ``bits`` and without a type chooses likewise.

    Raises:
        ValueError: It is none of these.
    """
    if isinstance(setting, int):
        setting = dict(bits=setting)
    if isinstance(setting, dict) and 'type' not in setting and 'bits' in setting:
        kind = 'BinaryQuantizer' if setting['bits'] == 1 else 'UniformQuantizer'
        setting = dict(type=f'mmpretrain.{kind}', **setting)
    built = MODELS.build(setting) if isinstance(setting, dict) and 'type' in setting else setting
    if not isinstance(built, WeightQuantizer):
        raise ValueError(
            'A quantizer must be a number of bits (1..8) or the config of a WeightQuantizer, such '
            f"as dict(type='mmpretrain.ReScaWQuantizer', bits=4), got a {type(built).__name__}."
        )
    return built


class QuantizedLayer(nn.Module):
    """Mixin of layers whose float weight is quantised whenever they run.

    It stands in front of an ordinary layer: ``class QuantLinear(QuantizedLayer, nn.Linear)``.

    The parameter names are those of the ordinary layer. A state dict may also hold
    ``weight_scale``, a scale that was fixed (by pruning, or by packing), or the packed integers
    ``weight_packed`` in place of the weight.

    Attributes:
        quantizer: What makes the weight that is multiplied with.
        weight_scale: The fixed scale, (F, 1) or (1, 1); None takes that of the weights.
    """

    weight: Tensor
    quantizer: WeightQuantizer
    weight_scale: Tensor | None

    def __init__(self, *args: Any, quantizer: int | dict | WeightQuantizer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.quantize_with(quantizer)

    def quantize_with(self, quantizer: int | dict | WeightQuantizer) -> None:
        """Give the layer its quantiser; called once."""
        self.quantizer = build_quantizer(quantizer).train(self.training)
        self.register_buffer(SCALE, None)
        keep_settings(self, _settings)

    @property
    def weight_bits(self) -> int:
        """Bits of one weight."""
        return self.quantizer.bits

    def effective_weight(self) -> Tensor:
        """The quantised weight, in the shape of ``weight``, with its gradient."""
        rows = self.quantizer(self.rows_of(self.weight), self.weight_scale)
        return self.weight_of(rows)

    def quantized(self) -> QuantizedWeight:
        """Values, integers and scale of the weight, one filter a row."""
        return self.quantizer.quantize(self.rows_of(self.weight), self.weight_scale)

    def fix_scale(self) -> None:
        """Keep the scale of the weights as they are now, also where they change or are removed."""
        scale = self.quantized().scale.clone()
        self.weight_scale = scale

    def rows_of(self, weight: Tensor) -> Tensor:
        """A weight of the layer as (F, n), one output filter a row."""
        if not self._is_transposed:
            return weight.flatten(1)
        # (C_in, C_out / groups, ...) -> (groups, C_out / groups, C_in / groups, ...)
        split = weight.unflatten(0, (cast(_ConvNd, self).groups, -1)).transpose(1, 2)
        return split.flatten(0, 1).flatten(1)

    def weight_of(self, rows: Tensor) -> Tensor:
        """The other way round: (F, n) in the shape of ``weight``."""
        if not self._is_transposed:
            return rows.view_as(self.weight)
        kernel = self.weight.shape[2:]
        split = rows.unflatten(0, (cast(_ConvNd, self).groups, -1)).unflatten(2, (-1, *kernel))
        return split.transpose(1, 2).flatten(0, 1)

    @property
    def _is_transposed(self) -> bool:
        return bool(getattr(self, 'transposed', False))

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        scale = state_dict.get(prefix + SCALE)
        packed = state_dict.pop(prefix + PACKED, None)
        if packed is not None:
            if scale is None:
                raise PackedWeightError(
                    f'{prefix.rstrip(".") or "The layer"} has weight_packed, but no weight_scale '
                    'in the file: publish the weights again with publish_model.py.'
                )
            shape = self.rows_of(self.weight).shape
            integers = unpack(packed, shape, self.quantizer, prefix.rstrip('.'))
            values = integers.to(scale) * cast(Tensor, scale)
            state_dict[f'{prefix}weight'] = self.weight_of(values)
        self.weight_scale = None if scale is None else torch.empty_like(scale)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def quantized_layers(model: nn.Module) -> dict[str, QuantizedLayer]:
    """The quantised layers of a model by name; a layer that stands in it twice comes twice."""
    modules = model.named_modules(remove_duplicate=False)
    return {name: module for name, module in modules if isinstance(module, QuantizedLayer)}


def packed_state_dict(state_dict: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """A state dict whose quantised weights are integers in their bits, with their scales.

    Args:
        state_dict: Of the model, or of one that has the same quantised layers.
        model: The model with these weights.

    Returns:
        ``NAME.weight_packed`` (uint8) and ``NAME.weight_scale`` in place of each quantised
        ``NAME.weight``; everything else as it was. A model with the same quantisation loads it and
        has the same effective weights, bit for bit.

    Raises:
        PackedWeightError: Weights lie outside of the grid of their bits.
    """
    packed = dict(state_dict)
    for name, layer in quantized_layers(model).items():
        found = layer.quantized()
        start = f'{name}.' if name else ''
        del packed[f'{start}weight']
        packed[start + PACKED] = pack(found.integers, layer.quantizer)
        packed[start + SCALE] = found.scale.clone()
    return packed


def _settings(layer: nn.Module) -> dict[str, object]:
    return cast(QuantizedLayer, layer).quantizer.settings()


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

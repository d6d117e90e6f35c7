"""What makes an ordinary layer multiply with quantised weights."""

from __future__ import annotations

from typing import Any, cast

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from mmsfa.layers.spike_conv import is_plain_cpu_inference
from mmsfa.neurons.weight_settings import UNKNOWN, keep_settings

from .binary import BinaryQuantizer
from .computed_weight import ComputedWeight
from .packing import GRID, PACKED, PackedWeightError, check_grid, unpack
from .quantizer import BITS, QuantizationError, QuantizedWeight, WeightQuantizer

SCALE = 'weight_scale'


def build_quantizer(setting: int | dict | WeightQuantizer) -> WeightQuantizer:
    """A quantiser from a number of bits, its config, or itself.

    Args:
        setting: 1 is a ``BinaryQuantizer``, 2..8 a ``UniformQuantizer`` of so many bits; a config
            with ``bits`` and without a type chooses likewise.

    Raises:
        QuantizationError: It is none of these.
    """
    if isinstance(setting, int):
        if isinstance(setting, bool) or setting not in BITS:
            raise QuantizationError(
                f'A weight has {BITS[0]}..{BITS[-1]} bits, or None for floating point, got '
                f'{setting!r}.'
            )
        setting = dict(bits=setting)
    if isinstance(setting, dict) and 'type' not in setting and 'bits' in setting:
        kind = 'BinaryQuantizer' if setting['bits'] == 1 else 'UniformQuantizer'
        setting = dict(type=f'mmpretrain.{kind}', **setting)
    if isinstance(setting, dict) and 'bits' not in setting and _needs_bits(setting):
        raise QuantizationError(
            f'{setting["type"]} needs its bits: dict(type={setting["type"]!r}, bits=4).'
        )
    built = MODELS.build(setting) if isinstance(setting, dict) and 'type' in setting else setting
    if not isinstance(built, WeightQuantizer):
        raise QuantizationError(
            'A quantizer must be a number of bits (1..8) or the config of a WeightQuantizer, such '
            f"as dict(type='mmpretrain.ReScaWQuantizer', bits=4), got a {type(built).__name__}."
        )
    return built


def _needs_bits(setting: dict) -> bool:
    kind = setting.get('type')
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    quantizes = isinstance(kind, type) and issubclass(kind, WeightQuantizer)
    return quantizes and kind is not BinaryQuantizer


class QuantizedLayer(nn.Module):
    """Mixin of layers whose float weight is quantised whenever they run.

    It stands in front of an ordinary layer: ``class QuantLinear(QuantizedLayer, nn.Linear)``.

    The parameter names are those of the ordinary layer. A state dict may also hold
    ``weight_scale``, a scale that was fixed (by pruning, or by packing), or the packed integers
    ``weight_packed`` with their ``weight_grid`` in place of the weight.

    Attributes:
        quantizer: What makes the weight that is multiplied with.
        weight_scale: The fixed scale, (F, 1) or (1, 1); None takes that of the weights.
    """

    weight: Tensor
    quantizer: WeightQuantizer
    weight_scale: Tensor | None
    _computed: ComputedWeight | None = None

    def __init__(self, *args: Any, quantizer: int | dict | WeightQuantizer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.quantize_with(quantizer)

    def quantize_with(self, quantizer: int | dict | WeightQuantizer) -> None:
        """Give the layer its quantiser; called once."""
        self.quantizer = build_quantizer(quantizer).train(self.training)
        self.register_buffer(SCALE, None)
        keep_settings(self, _settings, unstated=UNKNOWN)  # float weights may be quantised

    @property
    def weight_bits(self) -> int:
        """Bits of one weight."""
        return self.quantizer.bits

    def effective_weight(self) -> Tensor:
        """The quantised weight, in the shape of ``weight``, with its gradient.

        In inference on a CPU it is computed once for the same weights.
        """
        if not is_plain_cpu_inference(self.weight):
            return self._quantize()
        given = self.weight, self.weight_scale, self.quantizer.settings()
        if self._computed is None or not self._computed.still_holds(*given):
            self._computed = ComputedWeight.of(*given, self._quantize())
        return self._computed.values

    def _quantize(self) -> Tensor:
        return self.weight_of(self.quantizer(self.rows_of(self.weight), self.weight_scale))

    def quantized(self) -> QuantizedWeight:
        """Values, integers and scale of the weight, one filter a row."""
        return self.quantizer.quantize(self.rows_of(self.weight), self.weight_scale)

    def fix_scale(self) -> None:
        """Keep the scale of the weights as they are now, also where they change or are removed."""
        scale = self.quantized().scale.clone()
        if self.weight_scale is None:
            rows = self.quantizer.rows_of_fixed_scale(self.rows_of(self.weight))
            with torch.no_grad():
                self.weight.copy_(self.weight_of(rows))
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
        grid = state_dict.pop(prefix + GRID, None)  # files of earlier versions have none
        if packed is not None:
            if scale is None:
                raise PackedWeightError(
                    f'{prefix.rstrip(".") or "The layer"} has weight_packed, but no weight_scale '
                    'in the file: publish the weights again with publish_model.py.'
                )
            shape = self.rows_of(self.weight).shape
            integers = unpack(packed, shape, self.quantizer, prefix.rstrip('.'))
            if grid is not None:
                check_grid(grid, self.quantizer, prefix.rstrip('.') or 'the layer')
            values = integers.to(scale) * cast(Tensor, scale)
            state_dict[f'{prefix}weight'] = self.weight_of(values)
        self.weight_scale = None if scale is None else torch.empty_like(scale)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _settings(layer: nn.Module) -> dict[str, object]:
    return cast(QuantizedLayer, layer).quantizer.settings()

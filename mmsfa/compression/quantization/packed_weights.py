"""State dicts with quantised weights in their bits."""

from __future__ import annotations

from torch import Tensor, nn

from .packing import PACKED, pack
from .quantized_layer import SCALE, QuantizedLayer


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

"""State dicts with quantised weights in their bits."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from .packing import GRID, PACKED, PackedWeightError, grid_of, pack
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
        ``NAME.weight_packed`` (uint8), ``NAME.weight_grid`` and ``NAME.weight_scale`` in place of
        each quantised ``NAME.weight``, which may be packed already; everything else as it was. A
        model with the same quantisation loads it and has the same effective weights, bit for bit.

    Raises:
        PackedWeightError: Weights lie outside of the grid of their bits, or are no numbers.
    """
    packed = dict(state_dict)
    for name, layer in quantized_layers(model).items():
        found = layer.quantized()
        if not torch.isfinite(found.values).all():
            raise PackedWeightError(
                f'{name or "The layer"} has weights that are NaN or infinite: they cannot be '
                'packed. Publish a checkpoint from before the training went wrong.'
            )
        start = f'{name}.' if name else ''
        packed.pop(f'{start}weight', None)
        packed[start + PACKED] = pack(found.integers, layer.quantizer)
        packed[start + GRID] = grid_of(layer.quantizer)
        packed[start + SCALE] = found.scale.clone()
    return packed


def refuse_packed(model: nn.Module, names_of_weights: Iterable[str]) -> None:
    """Refuse packed weights for layers that are not quantised: they would stay as they are.

    Args:
        model: What shall get the weights.
        names_of_weights: The keys of a state dict, or itself.

    Raises:
        PackedWeightError: Names the first such layer.
    """
    layers = quantized_layers(model)
    names = [key[: -len(PACKED)].rstrip('.') for key in names_of_weights if key.endswith(PACKED)]
    names = [name.removeprefix('module.') for name in names]
    wrong = [name for name in names if name not in layers]
    if wrong:
        raise PackedWeightError(
            f'The file holds packed weights for {wrong[0]}, which is not quantised in this model '
            f'({len(wrong)} such layers): build it with the quantization that the weights were '
            'published with; the card beside the file has the config.'
        )

"""Integers of a few bits, packed into bytes."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod

import numpy as np
import torch
from torch import Tensor

from mmsfa.errors import UserError

from .quantizer import WeightQuantizer

PACKED = 'weight_packed'
GRID = 'weight_grid'


class PackedWeightError(UserError, ValueError):
    """Packed weights do not fit the layer that shall have them."""


def pack(integers: Tensor, quantizer: WeightQuantizer) -> Tensor:
    """Integers of a quantiser as bytes; eight of 1 bit fill one.

    Args:
        integers: Any shape, see ``QuantizedWeight.integers``.
        quantizer: Whose they are.

    Returns:
        uint8, (ceil(elements * bits / 8),); the last byte ends with zeros.

    Raises:
        PackedWeightError: One lies outside of the grid.
    """
    levels = ((integers - quantizer.smallest) / quantizer.stride).round().to(torch.int64)
    if levels.numel() and not 0 <= int(levels.min()) <= int(levels.max()) < 2**quantizer.bits:
        raise PackedWeightError(
            f'Weights of {quantizer.bits} bits must lie in {quantizer.smallest}..'
            f'{quantizer.largest}, got {int(integers.min())}..{int(integers.max())} '
            "(scale='signed_max' does not clip): take scale='max'."
        )
    values = levels.flatten().cpu().numpy().astype(np.uint8)
    bits = np.unpackbits(values[:, None], axis=1)[:, 8 - quantizer.bits :]
    return torch.from_numpy(np.packbits(bits))


def grid_of(quantizer: WeightQuantizer) -> Tensor:
    """What its packed integers stand for: the smallest, the largest and their stride, int16."""
    numbers = quantizer.smallest, quantizer.largest, quantizer.stride
    return torch.tensor(numbers, dtype=torch.int16)


def check_grid(grid: Tensor, quantizer: WeightQuantizer, name: str) -> None:
    """Refuse integers of another grid: with as many bits they would load, as other weights.

    Args:
        grid: Of the file, see :func:`grid_of`.
        quantizer: Of the layer that shall have them.
        name: Of the layer, for errors.

    Raises:
        PackedWeightError: It is another grid.
    """
    found, wanted = grid.tolist(), grid_of(quantizer).tolist()
    if found != wanted:
        lowest, highest, step = found
        raise PackedWeightError(
            f'The file holds {name} as integers {lowest}..{highest} in steps of {step}, and '
            f'{type(quantizer).__name__} of {quantizer.bits} bits has {wanted[0]}..{wanted[1]} in '
            f'steps of {wanted[2]}: build the model with the quantization that the weights were '
            'published with; the card beside the file has the config.'
        )


def unpack(packed: Tensor, shape: Sequence[int], quantizer: WeightQuantizer, name: str) -> Tensor:
    """The integers that :func:`pack` was given.

    Args:
        packed: What it returned.
        shape: Of the integers.
        quantizer: Of the same number of bits.
        name: Of the layer, for errors.

    Returns:
        int32, of this shape.

    Raises:
        PackedWeightError: There are more or fewer bytes.
    """
    count, bits = prod(shape), quantizer.bits
    if packed.dtype != torch.uint8 or packed.numel() != ceil(count * bits / 8):
        found = 8 * packed.numel() / max(count, 1)
        raise PackedWeightError(
            f'{name} has {count} weights of {bits} bits, but the file holds {packed.numel()} bytes '
            f'for it, about {found:.1f} bits a weight: build the model with the quantization that '
            'the weights were published with.'
        )
    stream = np.unpackbits(packed.cpu().numpy())[: count * bits].reshape(count, bits)
    filled = np.zeros((count, 8), np.uint8)
    filled[:, 8 - bits :] = stream
    levels = torch.from_numpy(np.packbits(filled, axis=1).reshape(tuple(shape)).astype(np.int32))
    return levels.to(packed.device) * quantizer.stride + quantizer.smallest

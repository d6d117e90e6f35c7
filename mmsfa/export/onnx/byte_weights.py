"""Weights of a graph as bytes, one scale for each output channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEW = 64
ROUNDING = 8 * np.finfo(np.float32).eps  # of a weight that a BN was folded into


@dataclass(frozen=True)
class IntegerWeight:
    """Weights of a layer as bytes, one scale for each output channel.

    Attributes:
        values: int8 in -127..127, shape (C_out, ...); (C_out, C_in / groups, k, k) of a
            convolution.
        scale: float32, shape (C_out,); weight = values * scale.
        bias: float32, shape (C_out,).
    """

    values: np.ndarray
    scale: np.ndarray
    bias: np.ndarray

    @classmethod
    def of(cls, weight: np.ndarray, bias: np.ndarray | None, divisor: float) -> IntegerWeight:
        """Round weights: the largest of a channel becomes 127.

        A channel on a coarser grid, as weights quantised to less than 8 bits are, keeps that grid
        and with it every weight as it is.

        Args:
            weight: float32, shape (C_out, ...).
            bias: float32, shape (C_out,), or None.
            divisor: Divisor of the counts that arrive.
        """
        bias = np.zeros(len(weight), np.float32) if bias is None else bias.astype(np.float32)
        largest = np.abs(weight.reshape(len(weight), -1)).max(1)
        # The bias is added to the int32 sum, in units of scale / divisor: leave it room there.
        scale = np.maximum(largest / _levels(weight), np.abs(bias) * divisor / 2**30)
        scale = np.where(scale > 0, scale, 1).astype(np.float32)
        values = np.rint(weight / scale.reshape(-1, *[1] * (weight.ndim - 1)))
        return cls(np.clip(values, -127, 127).astype(np.int8), scale, bias)


def _levels(weight: np.ndarray) -> np.ndarray:
    """How many steps the largest weight of each channel is long, 1..127.

    Found from the weights themselves, because a BN that was folded into them has scaled the steps
    of each channel. Of the grids that hold all weights the finest counts, as the bias is rounded to
    it; where there is none, 127 rounds best.

    Args:
        weight: float32, shape (C_out, ...).

    Returns:
        float32, shape (C_out,).
    """
    sizes = np.abs(weight.reshape(len(weight), -1))
    sizes = sizes / np.maximum(sizes.max(1, keepdims=True), np.finfo(np.float32).tiny)
    few = sizes[:, :: max(1, sizes.shape[1] // FEW)]  # rules nearly every channel out, cheaply
    levels = np.full(len(weight), 127, np.float32)
    for number in range(1, 128):
        (rows,) = np.nonzero(_on_grid(few, number))
        rows = rows[_on_grid(sizes[rows], number)]
        levels[rows] = number
    return levels


def _on_grid(sizes: np.ndarray, number: int) -> np.ndarray:
    """Whether each row of sizes in 0..1 consists of multiples of 1/number, but for rounding."""
    steps = sizes * np.float32(number)
    return (np.abs(steps - np.rint(steps)) <= number * ROUNDING).all(1)

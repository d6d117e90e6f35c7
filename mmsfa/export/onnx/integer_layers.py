"""Layers of the integer graph: what takes the place of one convolution that spikes arrive at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .graph import Firing, Writer

MS = 'com.microsoft'
END = np.iinfo(np.int64).max
FEW = 64
ROUNDING = 8 * np.finfo(np.float32).eps  # of a weight that a BN was folded into


@dataclass(frozen=True)
class IntegerWeight:
    """Weights of a convolution as bytes, one scale for each output channel.

    Attributes:
        values: int8 in -127..127, shape (C_out, C_in / groups, k, k).
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
            weight: float32, shape (C_out, C_in / groups, k, k).
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
        weight: float32, shape (C_out, C_in / groups, k, k).

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


def fire(write: Writer, firing: Firing) -> ir.Value:
    """Counts of a neuron as bytes, from real potentials."""
    x = firing.potential
    if firing.half_up:
        x = write.op('Floor', write.op('Add', x, np.float32(0.5)))
    # Saturates at 0 and rounds halves to even, as the neuron does.
    counts = write.op('QuantizeLinear', x, np.float32(1), np.uint8(0))
    return clamp(write, counts, firing.D)


def clamp(write: Writer, counts: ir.Value, D: int) -> ir.Value:
    """No more than D."""
    return counts if D == 255 else write.op('Clip', counts, None, np.uint8(D))


def convolve_to_counts(
    write: Writer, counts: ir.Value, weight: IntegerWeight, divisor: float, attributes: dict
) -> ir.Value:
    """Bytes in, bytes out: a convolution whose sum only a neuron reads."""
    scale = weight.scale / np.float32(divisor)
    bias = np.rint(weight.bias.astype(np.float64) / scale).astype(np.int32)
    return write.op(
        'QLinearConv',
        counts,
        np.float32(1),
        np.uint8(0),
        weight.values,
        scale,
        np.zeros(len(scale), np.int8),
        np.float32(1),
        np.uint8(0),
        bias,
        **attributes,
    )


def convolve_to_potential(
    write: Writer, counts: ir.Value, weight: IntegerWeight, divisor: float, attributes: dict
) -> ir.Value:
    """Bytes in, potentials out: one product of matrices for each row of the kernel.

    onnxruntime has no fast integer convolution with a real result (its ConvInteger is slower than
    float), but a fast product of matrices.
    """
    (top, left, bottom, right) = attributes['pads']
    (down, along) = attributes['strides']
    (gap_y, gap_x) = attributes['dilations']
    rows, columns = weight.values.shape[2:]
    x = write.op('Transpose', counts, perm=[0, 2, 3, 1])
    if any(attributes['pads']):
        pads = np.array([0, top, left, 0, 0, bottom, right, 0])
        x = write.op('Pad', x, pads, np.uint8(0))
    taps = [_every(write, x, 2, i, columns, gap_x, along) for i in range(columns)]
    x = taps[0] if columns == 1 else write.op('Concat', *taps, axis=3)
    total = None
    for i in range(rows):
        # (C_out, C_in, k) -> (k * C_in, C_out)
        kernel = weight.values[:, :, i].transpose(2, 1, 0).reshape(-1, len(weight.scale))
        if down == 1:
            y = _product(write, x, kernel, weight, divisor, bias=i == 0)
            y = _every(write, y, 1, i, rows, gap_y, down)
        else:
            y = _every(write, x, 1, i, rows, gap_y, down)
            y = _product(write, y, kernel, weight, divisor, bias=i == 0)
        total = y if total is None else write.op('Add', total, y)
    return write.op('Transpose', total, perm=[0, 3, 1, 2])


def _product(
    write: Writer,
    x: ir.Value,
    kernel: np.ndarray,
    weight: IntegerWeight,
    divisor: float,
    bias: bool,
) -> ir.Value:
    """(B, H, W, K) counts times (K, C_out) bytes, as potentials."""
    return write.op(
        'MatMulIntegerToFloat',
        x,
        np.ascontiguousarray(kernel),
        np.float32(1),
        weight.scale / np.float32(divisor),
        None,
        None,
        weight.bias if bias else None,
        domain=MS,
    )


def _every(
    write: Writer, x: ir.Value, axis: int, tap: int, taps: int, gap: int, stride: int
) -> ir.Value:
    """What one tap of a kernel sees along an axis."""
    if taps == stride == 1:
        return x
    start, end = tap * gap, -(taps - 1 - tap) * gap or END
    return write.op('Slice', x, *(np.array([number]) for number in (start, end, axis, stride)))

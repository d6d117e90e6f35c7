"""Layers of the integer graph: what takes the place of one convolution that spikes arrive at."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from .byte_weights import IntegerWeight
from .graph import Firing, Writer

MS = 'com.microsoft'
END = np.iinfo(np.int64).max


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
            y = product(write, x, kernel, weight, divisor, bias=i == 0)
            y = _every(write, y, 1, i, rows, gap_y, down)
        else:
            y = _every(write, x, 1, i, rows, gap_y, down)
            y = product(write, y, kernel, weight, divisor, bias=i == 0)
        total = y if total is None else write.op('Add', total, y)
    return write.op('Transpose', total, perm=[0, 3, 1, 2])


def product(
    write: Writer,
    x: ir.Value,
    kernel: np.ndarray,
    weight: IntegerWeight,
    divisor: float,
    bias: bool = True,
) -> ir.Value:
    """Counts times bytes, as potentials: one product of matrices.

    Args:
        write: Collects the nodes.
        x: Counts as bytes, shape (..., K).
        kernel: Bytes of the weight, shape (K, C_out).
        weight: The weight, whose scale and bias are taken.
        divisor: Divisor of the counts.
        bias: Whether to add the bias.
    """
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

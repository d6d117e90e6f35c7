"""Products of the integer graph: linear layers, transposed convolutions, attention on counts."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from .byte_weights import IntegerWeight
from .graph import Writer, constant
from .integer_layers import product


def linear_weight(node: ir.Node, divisor: float) -> IntegerWeight | None:
    """The bytes, shape (C_out, C_in), of a linear layer; None for any other node."""
    plain = node.op_type == 'MatMul'
    array = constant(node.inputs[1]) if plain or node.op_type == 'Gemm' else None
    if array is None or array.ndim != 2:
        return None
    if plain:
        return IntegerWeight.of(array.T, None, divisor)
    settings = {name: value.value for name, value in node.attributes.items()}
    bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    if any(settings.get(name, 1) != 1 for name in ('alpha', 'beta')) or settings.get('transA'):
        return None
    array = array if settings.get('transB') else array.T
    if len(node.inputs) > 2 and (bias is None or bias.shape != array.shape[:1]):
        return None
    return IntegerWeight.of(array, bias, divisor)


def spreading_weight(node: ir.Node, divisor: float) -> IntegerWeight | None:
    """The bytes, shape (C_out, C_in, k, k), of a transposed convolution of stride k.

    Its taps do not overlap, so each output is one sum. None for any other node.
    """
    array = constant(node.inputs[1]) if node.op_type == 'ConvTranspose' else None
    if array is None:
        return None
    settings = {name: value.value for name, value in node.attributes.items()}
    kernel = tuple(array.shape[2:])
    if len({*kernel, *settings.get('strides', (1, 1))}) != 1 or array.ndim != 4:
        return None
    if settings.get('group', 1) != 1 or set(settings.get('dilations', (1,))) != {1}:
        return None
    if any(settings.get('pads', ())) or any(settings.get('output_padding', ())):
        return None
    bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    return IntegerWeight.of(array.swapaxes(0, 1), bias, divisor)


def spread(write: Writer, counts: ir.Value, weight: IntegerWeight, divisor: float) -> ir.Value:
    """(B, C_in, H, W) counts -> (B, C_out, k * H, k * W) potentials, a product for a row of taps.

    The rows are put between each other where pixels lie side by side, which copies whole lines.
    """
    outs, ins, k, _ = weight.values.shape
    x = write.op('Transpose', counts, perm=[0, 2, 3, 1])
    row = IntegerWeight(weight.values, np.tile(weight.scale, k), np.tile(weight.bias, k))
    lines = []
    for i in range(k):
        kernel = weight.values[:, :, i].transpose(1, 2, 0).reshape(ins, k * outs)
        y = product(write, x, kernel, row, divisor)  # (B, H, W, k * C_out)
        lines.append(write.op('Unsqueeze', y, np.array([2])))
    batch, height, width = (write.op('Shape', counts, start=n, end=n + 1) for n in (0, 2, 3))
    down, along = (write.op('Mul', n, np.array([k])) for n in (height, width))
    size = write.op('Concat', batch, down, along, np.array([outs]), axis=0)
    x = write.op('Reshape', write.op('Concat', *lines, axis=2), size)
    return write.op('Transpose', x, perm=[0, 3, 1, 2])


def multiply_counts(write: Writer, a: ir.Value, b: ir.Value, divisor: float) -> ir.Value:
    """The product of two matrices of counts, as numbers: sums of an int32 are exact.

    Args:
        write: Collects the nodes.
        a: Bytes, shape (..., M, K).
        b: Bytes, shape (..., K, N).
        divisor: Product of the divisors of both.
    """
    total = write.op('Cast', write.op('MatMulInteger', a, b), to=ir.DataType.FLOAT)
    return total if divisor == 1 else write.op('Mul', total, np.float32(1 / divisor))

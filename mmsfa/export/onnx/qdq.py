"""From a float graph to one in QDQ form: integers in operators that all runtimes read."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from mmsfa.errors import OptionError

from .byte_weights import IntegerWeight
from .graph import MAX_COUNT, Firing, Writer, constant, firing_behind, firing_of
from .integer_layers import fire


def to_qdq(model: ir.Model) -> ir.Model:
    """A copy of an exported model with its spikes and weights between quantisation operators.

    ``QuantizeLinear`` makes a byte of each count and ``DequantizeLinear`` a number of it again,
    and weights are bytes behind a ``DequantizeLinear`` of one scale for each output channel. All
    operators are of ONNX itself. OpenVINO and TensorRT compute such layers with integers, and
    onnxruntime those whose sums only neurons read; a runtime that knows nothing of it computes the
    same numbers with floats. As in `to_integer` no activation is rounded and nothing is calibrated.

    Args:
        model: What `export_model` or `export_module` gives; it is left as it is.

    Returns:
        A graph with the same inputs and outputs.

    Raises:
        OptionError: No spikes arrive at any layer.
    """
    model = ir.from_proto(ir.to_proto(model))  # clone() stumbles over what the exporter leaves
    write = Writer(model.graph)
    layers = sum(_give_bytes(write, node) for node in list(model.graph))
    if not layers:
        raise OptionError(
            f'Spikes of at most {MAX_COUNT} levels must arrive at some layer of a QDQ graph, got a '
            'model without any: leave out --qdq.'
        )
    counts: dict[tuple[ir.Value, int, bool], ir.Value] = {}
    fired = [(node, found) for node in model.graph if (found := firing_of(node.outputs[0]))]
    for node, firing in fired:
        _quantize(write, node, firing, counts)
    RemoveUnusedNodesPass()(model)
    return model


def _give_bytes(write: Writer, node: ir.Node) -> bool:
    """Make bytes of the weights of a layer that spikes arrive at; whether it is one."""
    axis = _channel_axis(node)
    firing, _ = firing_behind(node.inputs[0]) if axis is not None else (None, [])
    if axis is None or firing is None:
        return False
    weight = np.moveaxis(constant(node.inputs[1]), axis, 0)  # type: ignore[arg-type]
    bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    if bias is not None and bias.shape != weight.shape[:1]:
        return False
    rounded = IntegerWeight.of(weight, bias, firing.divisor)
    values = np.ascontiguousarray(np.moveaxis(rounded.values, 0, axis))
    zeros = np.zeros(len(rounded.scale), np.int8)
    new = write.op('DequantizeLinear', values, rounded.scale, zeros, axis=axis)
    write.put_before(node)
    node.replace_input_with(1, new)
    return True


def _channel_axis(node: ir.Node) -> int | None:
    """The axis of the output channels in a layer's weights; None if it has no such weights."""
    if node.domain != '' or len(node.inputs) < 2 or constant(node.inputs[1]) is None:
        return None
    if node.op_type == 'Conv':
        return 0
    if node.op_type == 'Gemm':
        return 0 if node.attributes.get_int('transB', 0) else 1
    if node.op_type == 'MatMul' and constant(node.inputs[1]).ndim == 2:  # type: ignore[union-attr]
        return 1
    if node.op_type == 'ConvTranspose' and node.attributes.get_int('group', 1) == 1:
        return 1
    return None


def _quantize(
    write: Writer,
    node: ir.Node,
    firing: Firing,
    counts: dict[tuple[ir.Value, int, bool], ir.Value],
) -> None:
    """Let a neuron, or the division behind it, hand on bytes and what makes numbers of them."""
    key = (firing.potential, firing.D, firing.half_up)
    if key not in counts:
        counts[key] = fire(write, firing)
    scale = np.float32(1 / firing.divisor)
    new, old = write.op('DequantizeLinear', counts[key], scale, np.uint8(0)), node.outputs[0]
    write.put_before(node)
    if old.is_graph_output():
        old.name, new.name = None, old.name
    old.replace_all_uses_with(new, replace_graph_outputs=True)

"""From a float graph to an integer one: bytes for spikes and weights, floats for potentials."""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from mmsfa.errors import OptionError

from .byte_weights import IntegerWeight
from .graph import MAX_COUNT, Firing, Writer, constant, firing_behind, firing_of, firings_on
from .integer_layers import (
    MS,
    clamp,
    convolve_to_counts,
    convolve_to_potential,
    fire,
    product,
)
from .integer_products import linear_weight, multiply_counts, spread, spreading_weight

PRODUCTS = ('Gemm', 'MatMul', 'ConvTranspose')


def to_integer(model: ir.Model) -> ir.Model:
    """A copy of an exported model that computes with bytes wherever spikes arrive.

    Spikes are small integers already, so nothing is calibrated and no activation is rounded; the
    weights of a convolution become bytes with one scale for each output channel. Sums are int32.
    What only a neuron reads stays bytes (``QLinearConv``); what a shortcut or an output reads
    becomes a float potential again, and so does what linear layers, transposed convolutions whose
    stride is their kernel, and the product of two maps of spikes give. Layers that real values
    arrive at (the picture, or the potentials that read-outs read) stay as they are.

    Args:
        model: What `export_model` or `export_module` gives; it is left as it is.

    Returns:
        A graph with the same inputs and outputs. It has one operator of onnxruntime's own,
        ``MatMulIntegerToFloat``.

    Raises:
        OptionError: No spikes arrive at any layer.
    """
    model = ir.from_proto(ir.to_proto(model))  # clone() stumbles over what the exporter leaves
    conversion = _Conversion(model.graph)
    conversion.run()
    if not conversion.counts:
        raise OptionError(
            f'Spikes of at most {MAX_COUNT} levels must arrive at some layer of an integer graph, '
            'got a model without any: leave out --int8.'
        )
    model.graph.opset_imports[MS] = 1
    RemoveUnusedNodesPass()(model)
    return model


def float_layers(model: ir.Model) -> list[str]:
    """The layers of a graph that multiply with float weights, by the names of their weights.

    In an integer graph these are the layers that real values arrive at, and those that
    `to_integer` leaves alone.
    """
    products = ('Conv', 'ConvTranspose', 'Gemm', 'MatMul')
    names = (
        node.inputs[1].name
        for node in model.graph
        if node.domain == '' and node.op_type in products and node.inputs[1] is not None
        if constant(node.inputs[1]) is not None
    )
    return list(dict.fromkeys(name.removesuffix('.weight') for name in names if name))


class _Conversion:
    """Converts one graph in place.

    Args:
        graph: The graph of a float model.
    """

    def __init__(self, graph: ir.Graph) -> None:
        self.graph = graph
        self.write = Writer(graph)
        self.counts: dict[tuple[ir.Value, int, bool], ir.Value] = {}
        self.floats: dict[ir.Value, ir.Value] = {}  # a neuron's own counts -> those of bytes

    def run(self) -> None:
        """Convert each layer in turn."""
        for node in list(self.graph):
            if (node.domain, node.op_type) == ('', 'Conv'):
                self._convolution(node)
            elif node.domain == '' and node.op_type in PRODUCTS:
                self._product(node)
        for old, new in self.floats.items():
            if old.is_graph_output():
                old.name, new.name = None, old.name
            old.replace_all_uses_with(new, replace_graph_outputs=True)

    def _product(self, node: ir.Node) -> None:
        """Let a layer that is one product of matrices compute with integers, if spikes arrive."""
        firing, path = firing_behind(node.inputs[0])
        if firing is None:
            return
        linear = linear_weight(node, firing.divisor)
        spreading = None if path else spreading_weight(node, firing.divisor)
        other, way = firing_behind(node.inputs[1])
        if linear:
            x = self._moved(firing, path)
            new = product(self.write, x, linear.values.T, linear, firing.divisor)
        elif spreading:
            new = spread(self.write, self._counts_of(firing), spreading, firing.divisor)
        elif node.op_type == 'MatMul' and other:
            factors = self._moved(firing, path), self._moved(other, way)
            new = multiply_counts(self.write, *factors, firing.divisor * other.divisor)
        else:
            return
        self._replace(node, new)

    def _moved(self, firing: Firing, path: list[ir.Node]) -> ir.Value:
        """The bytes of a neuron, reshaped and transposed as its spikes are."""
        x = self._counts_of(firing)
        for node in path:
            attributes = {name: value.value for name, value in node.attributes.items()}
            x = self.write.op(node.op_type, x, *node.inputs[1:], **attributes)
        return x

    def _replace(self, node: ir.Node, new: ir.Value) -> None:
        """Put what was written in the place of a node."""
        out = node.outputs[0]
        out.name, new.name = None, out.name
        out.replace_all_uses_with(new, replace_graph_outputs=True)
        self.write.put_before(node)

    def _convolution(self, conv: ir.Node) -> None:
        """Let one convolution compute with integers, if spikes arrive at it."""
        firing = firing_of(conv.inputs[0])
        array = constant(conv.inputs[1])
        if firing is None or array is None or array.ndim != 4:
            return
        out = conv.outputs[0]
        readers = firings_on(out)
        neurons = [reader for reader in readers if reader and not reader.half_up]
        only_neurons = len(neurons) == len(readers)
        attributes = {name: attribute.value for name, attribute in conv.attributes.items()}
        if attributes['group'] > 1 and not only_neurons:
            return
        bias = constant(conv.inputs[2]) if len(conv.inputs) > 2 else None
        weight = IntegerWeight.of(array, bias, firing.divisor)
        args = (self.write, self._counts_of(firing), weight, firing.divisor, attributes)
        if only_neurons:
            fired = convolve_to_counts(*args)
            for reader in neurons:
                self._give_counts(fired, reader)
            self.write.put_before(conv)
        else:
            self._replace(conv, convolve_to_potential(*args))

    def _counts_of(self, firing: Firing) -> ir.Value:
        """The bytes of a neuron, made once."""
        key = (firing.potential, firing.D, firing.half_up)
        if key not in self.counts:
            self.counts[key] = fire(self.write, firing)
        return self.counts[key]

    def _give_counts(self, fired: ir.Value, reader: Firing) -> None:
        """Let a neuron that reads a convolution have the bytes that this one gives."""
        key = (reader.potential, reader.D, False)
        if key not in self.counts:
            self.counts[key] = clamp(self.write, fired, reader.D)
        counts = self.counts[key]
        self.floats[reader.counts] = self.write.op('Cast', counts, to=ir.DataType.FLOAT)

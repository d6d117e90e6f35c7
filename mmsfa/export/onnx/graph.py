"""Read an exported graph: constants, and the neurons that the exporter wrote out as operators.

Why not the patterns of ``onnxscript.rewriter``: they find the same neurons (0.7.2: four patterns, a
check and a replacement, as many lines as `firing_of`), but do not tell who reads a value, on which
it depends whether a convolution may hand on bytes; `firings_on` and the rest would stay as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

MAX_COUNT = 255  # what a byte without sign holds
SHAPES = ('Reshape', 'Transpose', 'Flatten', 'Squeeze', 'Unsqueeze')  # move spikes, change none


@dataclass(frozen=True)
class Firing:
    """One neuron of a graph: Clip(0, D), then Round or (Add 0.5, Floor), then perhaps a division.

    The exporter writes the division by a power of two as a product.

    Attributes:
        potential: Its input, the membrane potential.
        counts: Its integers, as floats.
        D: Largest count.
        divisor: Divisor of the counts.
        half_up: Whether x.5 is rounded up instead of to the even neighbour.
    """

    potential: ir.Value
    counts: ir.Value
    D: int
    divisor: float
    half_up: bool


def constant(value: ir.Value | None) -> np.ndarray | None:
    """The numbers of a constant; None where a value is computed."""
    if value is None or value.is_graph_input():
        return None
    tensor = ir.convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy()


def scalar(value: ir.Value | None) -> float | None:
    """The number of a constant with one element; None for everything else."""
    array = constant(value)
    return None if array is None or array.size != 1 else float(array.reshape(()))


def made_by(value: ir.Value | None, op: str) -> ir.Node | None:
    """The node that makes a value, if it is this operator of ONNX itself."""
    node = value.producer() if value is not None else None
    return node if node is not None and (node.domain, node.op_type) == ('', op) else None


def firing_of(value: ir.Value | None) -> Firing | None:
    """The neuron whose output a value is; None if it is anything else, or counts beyond a byte."""
    counts, divisor = _undivided(value)
    if divisor is None:
        return None
    half_up = made_by(counts, 'Floor')
    rounded = half_up or made_by(counts, 'Round')
    if rounded is None or counts is None:
        return None
    clamped = rounded.inputs[0]
    if half_up:
        shifted = made_by(clamped, 'Add')
        if shifted is None or scalar(shifted.inputs[1]) != 0.5:
            return None
        clamped = shifted.inputs[0]
    clip = made_by(clamped, 'Clip')
    if clip is None or scalar(clip.inputs[1]) != 0:
        return None
    potential, D = clip.inputs[0], scalar(clip.inputs[2])
    if potential is None or D is None or not D.is_integer() or not 1 <= D <= MAX_COUNT:
        return None
    return Firing(potential, counts, int(D), divisor, bool(half_up))


def _undivided(value: ir.Value | None) -> tuple[ir.Value | None, float | None]:
    """What a division divides, and its divisor: 1 without any, None where it is computed."""
    divide, multiply = made_by(value, 'Div'), made_by(value, 'Mul')
    if divide:
        return divide.inputs[0], scalar(divide.inputs[1])
    factor = scalar(multiply.inputs[1]) if multiply else None
    if multiply and factor and factor > 0 and math.frexp(factor)[0] == 0.5:  # a power of two
        return multiply.inputs[0], 1 / factor
    return value, 1.0


def firing_behind(value: ir.Value | None) -> tuple[Firing | None, list[ir.Node]]:
    """The neuron that a value comes from, and what reshapes and transposes its spikes on the way.

    Returns:
        The neuron, or None; the nodes in the order in which they compute.
    """
    path: list[ir.Node] = []
    while firing_of(value) is None:
        node = next((n for kind in SHAPES if (n := made_by(value, kind))), None)
        if node is None:
            return None, []
        path.insert(0, node)
        value = node.inputs[0]
    return firing_of(value), path


def firings_on(potential: ir.Value) -> list[Firing | None]:
    """What reads a value: neurons, and None for a reader that is none."""
    readers: list[Firing | None] = [None] if potential.is_graph_output() else []
    return readers + [_firing_from(node.outputs[0], potential) for node, _ in potential.uses()]


def _firing_from(value: ir.Value, potential: ir.Value) -> Firing | None:
    """The neuron that the first reader of a potential belongs to; ``value`` is what it makes."""
    for _ in range(3):  # Clip, Add, Floor
        found = firing_of(value)
        if found:
            return found if found.potential is potential else None
        if len(value.uses()) != 1:
            return None
        (usage,) = value.uses()
        value = usage[0].outputs[0]
    return None


class Writer:
    """Collects new nodes and puts them in front of an old one.

    Args:
        graph: The graph that gets them.
    """

    def __init__(self, graph: ir.Graph) -> None:
        self.graph = graph
        self.nodes: list[ir.Node] = []
        self.number = 0

    def constant(self, array: np.ndarray) -> ir.Value:
        """A constant of the graph."""
        self.number += 1
        value = ir.Value(
            name=f'integer_{self.number}',
            shape=ir.Shape(array.shape),
            type=ir.TensorType(ir.DataType.from_numpy(array.dtype)),
            const_value=ir.tensor(array),
        )
        self.graph.register_initializer(value)
        return value

    def op(
        self,
        kind: str,
        *inputs: ir.Value | np.ndarray | np.generic | None,
        domain: str = '',
        **attributes: Any,
    ) -> ir.Value:
        """The result of one operator; arrays become constants."""
        values = [
            self.constant(np.asarray(x)) if isinstance(x, np.ndarray | np.generic) else x
            for x in inputs
        ]
        node = ir.node(kind, values, attributes, domain=domain)
        self.nodes.append(node)
        return node.outputs[0]

    def put_before(self, node: ir.Node) -> None:
        """Insert what was collected."""
        self.graph.insert_before(node, self.nodes)
        self.nodes = []

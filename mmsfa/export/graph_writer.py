"""Write new nodes into an exported graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir


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
        values = [self.constant(x) if isinstance(x, np.ndarray | np.generic) else x for x in inputs]
        node = ir.node(kind, values, attributes, domain=domain)
        self.nodes.append(node)
        return node.outputs[0]

    def put_before(self, node: ir.Node) -> None:
        """Insert what was collected."""
        self.graph.insert_before(node, self.nodes)
        self.nodes = []

"""Graphs of few operators, written by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import onnx_ir as ir

from mmsfa.export.onnx.graph import Writer
from mmsfa.export.onnx.integer_layers import MS

OPSETS = {'': 20, MS: 1}


def float_map(name: str, shape: Sequence[int | str] = ('batch', 'channels', 'h', 'w')) -> ir.Value:
    """A map of float32."""
    return ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.FLOAT))


def written(
    make: Callable[[Writer, ir.Value], Sequence[ir.Value]], kind: ir.DataType = ir.DataType.FLOAT
) -> ir.Model:
    """A graph of what ``make`` writes behind its input ``image``.

    Args:
        make: Gets a writer and the input; gives the outputs, ``out_0``, ``out_1``, ...
        kind: Type of the outputs.
    """
    image = float_map('image')
    graph = ir.Graph([image], [], nodes=[], opset_imports=OPSETS, name='by_hand')
    end = ir.node('Identity', [image])
    graph.append(end)
    write = Writer(graph)
    outputs = make(write, image)
    write.put_before(end)
    graph.remove(end, safe=True)
    for i, output in enumerate(outputs):
        output.name, output.type = f'out_{i}', ir.TensorType(kind)
        graph.outputs.append(output)
    return ir.Model(graph, ir_version=10)

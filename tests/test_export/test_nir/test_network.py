"""Graphs by hand, run in torch."""

from __future__ import annotations

from pathlib import Path

import nir
import numpy as np
import pytest
import torch
from torch import nn

from mmsfa.export.nir.network import NirNetwork
from mmsfa.export.nir.primitives import NirError


def scalar_chain(*nodes: nir.NIRNode) -> nir.NIRGraph:
    """A graph on a map of one pixel."""
    return nir.NIRGraph.from_list(*nodes)


def pointwise(weight: float, bias: float) -> nir.Conv2d:
    return nir.Conv2d((1, 1), np.full((1, 1, 1, 1), weight), 1, 0, 1, 1, np.array([bias]))


def test_a_graph_by_hand_fires_as_nir_says() -> None:
    full = lambda value: np.full((1, 1, 1), value)  # noqa: E731
    network = NirNetwork(
        scalar_chain(
            pointwise(2.0, 0.25),
            nir.IF(r=full(0.5), v_threshold=full(1.0), v_reset=full(-0.25)),
            pointwise(3.0, 0.5),
        )
    )
    state, seen = None, []
    for x in (0.375, 0.375, 0.375, 0.0, 2.0):
        out, state = network(torch.full((1, 1, 1, 1), x, dtype=torch.float64), state)
        seen.append(out.item())
    # potential: 0.5, 1.0 (not above 1), 1.5 -> fires, reset to -0.25, -0.125, 2.0 -> fires
    assert seen == [0.5, 0.5, 3.5, 0.5, 3.5]
    out, _ = network(torch.full((1, 1, 1, 1), 0.9, dtype=torch.float64))
    assert out.item() == 3.5  # 1.025 from rest; the state above would have left it at 0.775


def test_two_edges_into_a_node_add_up() -> None:
    shape = np.array([1, 1, 1])
    nodes = dict(
        input=nir.Input(shape), a=pointwise(2.0, 0.0), b=pointwise(5.0, 1.0),
        sum=pointwise(1.0, 0.0), output=nir.Output(shape),
    )  # fmt: skip
    edges = [('input', 'a'), ('input', 'b'), ('a', 'sum'), ('b', 'sum'), ('sum', 'output')]
    out, _ = NirNetwork(nir.NIRGraph(nodes, edges))(torch.ones(1, 1, 1, 1, dtype=torch.float64))
    assert out.item() == 8


def test_other_nodes_are_named() -> None:
    graph = scalar_chain(pointwise(1.0, 0.0), nir.Scale(np.ones((1, 1, 1))))
    with pytest.raises(NirError, match='node scale is a Scale'):
        NirNetwork(graph)


@pytest.mark.parametrize('grouped', [False, True])
def test_a_convolution_of_a_file_has_the_geometry_of_the_node(
    tmp_path: Path, grouped: bool
) -> None:
    groups = 2 if grouped else 1
    conv = nn.Conv2d(4, 6, 3, stride=(2, 1), padding=(0, 2), dilation=2, groups=groups)
    node = nir.Conv2d(
        (9, 8),
        conv.weight.numpy(force=True),
        conv.stride,
        conv.padding,
        conv.dilation,
        groups,
        conv.bias.numpy(force=True),
    )
    nodes = dict(input=nir.Input(np.array([4, 9, 8])), conv=node)
    nodes['output'] = nir.Output(np.array([6, 3, 8]))
    edges = [('input', 'conv'), ('conv', 'output')]
    nir.write(tmp_path / 'x.nir', nir.NIRGraph(nodes, edges, type_check=False))
    network, x = NirNetwork(tmp_path / 'x.nir'), torch.randn(2, 4, 9, 8)
    out, _ = network(x)
    assert out.shape == (2, 6, 3, 8)
    torch.testing.assert_close(out, conv(x))
    assert network.module_of('conv').weight.dtype == torch.float32

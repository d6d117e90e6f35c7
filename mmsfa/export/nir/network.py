"""Run a NIR graph of convolutions and integrate-and-fire neurons in torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nir
import nirtorch
import numpy as np
import torch
from torch import Tensor, nn

from .primitives import NirError


class NirIF(nn.Module):
    """NIR's ``IF``, one time step of length 1 a call: integrate, compare, reset.

    Args:
        node: The node; its arrays have the shape of one sample.
    """

    r: Tensor
    v_threshold: Tensor
    v_reset: Tensor

    def __init__(self, node: nir.IF) -> None:
        super().__init__()
        for name in ('r', 'v_threshold', 'v_reset'):
            self.register_buffer(name, torch.tensor(getattr(node, name)))

    def forward(self, current: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Current and potential -> spikes and next potential, all (N, ...); None is at rest."""
        potential = self.r * current if state is None else state + self.r * current
        fired = potential > self.v_threshold
        return fired.to(potential.dtype), torch.where(fired, self.v_reset, potential)


def _pair(value: Any) -> Any:
    """Of a file's array, number or word, what torch takes."""
    return value if isinstance(value, str) else tuple(np.atleast_1d(value).tolist())


def _convolution(node: nir.Conv2d) -> nn.Conv2d:
    groups = int(node.groups)
    out_channels, each, *kernel = node.weight.shape
    conv = nn.Conv2d(
        groups * each,
        out_channels,
        tuple(kernel),
        stride=_pair(node.stride),
        padding=_pair(node.padding),
        dilation=_pair(node.dilation),
        groups=groups,
    )
    conv.weight = nn.Parameter(torch.tensor(node.weight))
    conv.bias = nn.Parameter(torch.tensor(node.bias))
    return conv


_MODULES = {
    nir.Input: lambda node: nn.Identity(),
    nir.Output: lambda node: nn.Identity(),
    nir.Conv2d: _convolution,
    nir.IF: NirIF,
}


class NirNetwork(nn.Module):
    """A NIR graph in torch, wired by nirtorch.

    Args:
        graph: A graph, or a file that `nir.write` wrote.

    Attributes:
        graph: The graph.

    Raises:
        NirError: The graph has a node that is neither a convolution nor an ``IF``.
    """

    def __init__(self, graph: nir.NIRGraph | str | Path) -> None:
        super().__init__()
        if not isinstance(graph, nir.NIRGraph):
            # Its type check refuses grouped convolutions; torch checks every shape anyway.
            graph = nir.read(graph, type_check=False)
        for name, node in graph.nodes.items():
            if type(node) not in _MODULES:
                raise NirError(
                    f'The node {name} is a {type(node).__name__}: expected Input, Output, Conv2d '
                    'or IF, which are what mmsfa exports.'
                )
        self.graph = graph
        weights = [node.weight for node in graph.nodes.values() if isinstance(node, nir.Conv2d)]
        dtype = torch.from_numpy(weights[0]).dtype if weights else torch.get_default_dtype()
        self.wired = nirtorch.nir_to_torch(graph, _MODULES, default_map={}, dtype=dtype).eval()

    def module_of(self, node: str) -> nn.Module:
        """The torch module of a node; nirtorch writes its dots as underscores."""
        return self.wired.get_submodule(node.replace('.', '_'))

    def forward(self, x: Tensor, state: dict | None = None) -> tuple[Tensor, dict]:
        """One time step: input (N, ...) and state -> output and state; None starts at rest."""
        return self.wired(x, state)

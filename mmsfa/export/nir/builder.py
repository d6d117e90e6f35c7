"""Nodes and edges of a NIR graph, from the layers of mmsfa."""

from __future__ import annotations

from collections.abc import Sequence

import nir
import numpy as np
import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from mmsfa.layers import SpikeConv, SpikeConvBlock, SpikeSepConv
from mmsfa.layers.fold import folded
from mmsfa.neurons.functional import level_shifts
from mmsfa.version import __version__

from .primitives import (
    NirError,
    check_neuron,
    neuron_bank,
    plain_convolution,
    ungroup,
)


class NirBuilder:
    """Collects nodes and edges. A potential is a list of nodes whose outputs add up to it.

    Args:
        dtype: Precision of the weights, float32 or float64.
        keep_groups: See `export_nir`.
    """

    def __init__(self, dtype: torch.dtype, keep_groups: bool) -> None:
        if dtype not in (torch.float32, torch.float64):
            raise NirError(f'The weights must be float32 or float64, got {dtype}: call .double().')
        self.dtype = np.dtype(np.float32 if dtype == torch.float32 else np.float64)
        self.keep_groups = keep_groups
        self.nodes: dict[str, nir.NIRNode] = {}
        self.edges: list[tuple[str, str]] = []

    def add(self, name: str, node: nir.NIRNode, sources: Sequence[str] = ()) -> list[str]:
        """Put a node behind others; gives its potential."""
        self.nodes[name] = node
        self.edges += [(source, name) for source in sources]
        return [name]

    def shape_of(self, potential: Sequence[str]) -> tuple[int, ...]:
        """(C, H, W)."""
        return tuple(int(size) for size in self.nodes[potential[0]].output_type['output'])

    def input(self, shape: tuple[int, ...]) -> list[str]:
        """The picture."""
        return self.add('input', nir.Input(np.array(shape)))

    def block(self, name: str, block: nn.Module, x: list[str]) -> list[str]:
        """A block of convolutions with its two shortcuts."""
        if type(block) is not SpikeConvBlock:
            what = f'{name} is a {type(block).__name__}'
            if hasattr(block, 'attn'):
                what += f' with a {type(block.attn).__name__} in {name}.attn'
            raise NirError(
                f'{what}: NIR has no node that multiplies spikes with spikes. Export the stages '
                'of convolutions before it.'
            )
        if block.sep_conv is not None:  # the large family has none
            x = x + self.separable(f'{name}.sep_conv', block.sep_conv, x)
        hidden = self.brick(f'{name}.conv1', block.conv1, x)
        return x + self.brick(f'{name}.conv2', block.conv2, hidden)

    def separable(self, name: str, module: nn.Module, x: list[str]) -> list[str]:
        """Its three parts."""
        if type(module) is not SpikeSepConv:
            raise NirError(f'{name} is a {type(module).__name__}: expected SpikeSepConv.')
        for part in ('pwconv1', 'dwconv', 'pwconv2'):
            x = self.brick(f'{name}.{part}', getattr(module, part), x)
        return x

    def brick(self, name: str, brick: nn.Module, x: list[str]) -> list[str]:
        """Neuron -> convolution -> BN."""
        if type(brick) is not SpikeConv or brick.order != ('act', 'conv', 'norm'):
            raise NirError(f'{name} is no SpikeConv in the order neuron, convolution, norm.')
        conv = plain_convolution(f'{name}.conv', brick.conv)
        if brick.with_norm and not isinstance(brick.norm, nn.Identity):
            raise NirError(
                f'{name} has a {type(brick.norm).__name__}, which cannot be folded into a '
                'convolution: NIR has no node for it.'
            )
        weight = conv.weight.numpy(force=True)
        if brick.with_activation:
            neuron = brick.activate
            x = self.neuron(f'{name}.activate', neuron, x)
            weight = neuron.per_spike(np.repeat(weight, neuron.D, axis=1))
        return self.convolution(f'{name}.conv', conv, weight, x)

    def neuron(self, name: str, neuron: nn.Module, x: list[str]) -> list[str]:
        """The shifts of the levels, then the bank that compares."""
        neuron = check_neuron(name, neuron)
        channels = self.shape_of(x)[0]
        shifts, _ = level_shifts(neuron.D, neuron.rounding, self.dtype)
        levels = nn.Conv2d(channels, channels * len(shifts), 1, groups=channels)
        ones = torch.ones(levels.weight.shape, dtype=torch.float64)
        scaled = neuron.levels_of(ones).numpy(force=True).astype(self.dtype)
        x = self.convolution(f'{name}.levels', levels, scaled, x, np.tile(shifts, channels))
        return self.add(name, neuron_bank(name, neuron, self.shape_of(x), self.dtype), x)

    def convolution(
        self,
        name: str,
        conv: _ConvNd,
        weight: np.ndarray,
        x: list[str],
        bias: np.ndarray | None = None,
    ) -> list[str]:
        """A convolution with the geometry of ``conv`` and other weights."""
        if bias is None:
            bias = np.zeros(len(weight)) if conv.bias is None else conv.bias.numpy(force=True)
        node = nir.Conv2d(
            input_shape=self.shape_of(x)[1:],
            weight=weight if self.keep_groups else ungroup(weight, conv.groups),
            stride=conv.stride,
            padding=conv.padding,
            dilation=conv.dilation,
            groups=conv.groups if self.keep_groups else 1,
            bias=bias.astype(self.dtype),
            metadata=dict(groups=conv.groups),
        )
        return self.add(name, node, x)

    def graph(
        self, potential: list[str], stages: int, out_norm: nn.Module | None = None
    ) -> nir.NIRGraph:
        """The finished graph; a node of its own adds up the output, which not all readers do.

        Args:
            potential: The map after the last stage.
            stages: How many stages there are.
            out_norm: The norm of this map, which the last node carries; None for a map as it is.
        """
        channels = self.shape_of(potential)[0]
        last = nn.Conv2d(channels, channels, 1, groups=channels, bias=False)
        last.weight.data = torch.from_numpy(np.ones(last.weight.shape, self.dtype))
        normed = last if out_norm is None else folded(last, out_norm)
        if normed is None:
            raise NirError(
                f'out_norms.{stages - 1} is a {type(out_norm).__name__}, which is no fixed scale '
                'and shift: NIR has no node for it.'
            )
        weight = normed.weight.numpy(force=True)
        potential = self.convolution(f'stages.{stages - 1}.sum', normed, weight, potential)
        self.add('output', nir.Output(np.array(self.shape_of(potential))), potential)
        return nir.NIRGraph(
            self.nodes,
            self.edges,
            metadata=dict(producer=f'mmsfa {__version__}', stages=stages, time_steps=1, dt=1.0),
            type_check=not self.keep_groups,
        )

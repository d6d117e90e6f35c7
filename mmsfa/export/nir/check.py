"""Compare a NIR graph with the model that it was made from, spike by spike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import nir
import torch
from torch import Tensor, nn

from mmsfa.backbones import ESpikeFormer
from mmsfa.neurons import SpikingNeuron
from mmsfa.spiking.measure.observer import observe

from .network import NirNetwork

# A sum that is rounded in another order differs by some 1e-15 of the largest value in float64.
MAP_TOLERANCE = 1e-9


@dataclass(frozen=True)
class SpikeAgreement:
    """How far a graph and its model agree on one picture.

    Attributes:
        spikes: Spikes of the model by neuron.
        different: Spikes that only one of the two has, by neuron.
        largest_error: Largest difference of the two output maps.
        largest_value: Largest absolute value of the model's map.
    """

    spikes: dict[str, int]
    different: dict[str, int]
    largest_error: float
    largest_value: float

    @property
    def same_map(self) -> bool:
        """Whether the float64 maps differ by rounding alone.

        What comes after the last neuron, such as a wrong last convolution, shows only here.
        """
        return self.largest_error <= MAP_TOLERANCE * self.largest_value


@torch.no_grad()
def spikes_of_model(
    backbone: ESpikeFormer, image: Tensor, stages: int
) -> tuple[dict[str, Tensor], Tensor]:
    """Spikes (D, N, C, H, W) of each neuron by name, and the map after the last stage.

    The map is normed where the backbone has a norm for it.

    Args:
        backbone: An ``ESpikeFormer`` in evaluation mode.
        image: (N, C, H, W), of the model's precision.
        stages: How many leading stages run.
    """
    spikes: dict[str, Tensor] = {}

    def keep(name: str, neuron: SpikingNeuron, output: Tensor) -> None:
        spikes[name] = neuron.spikes_of(output)

    with observe(backbone, neuron=keep):
        for i in range(stages):
            image = backbone.stages[i](backbone.downsample_layers[i](image))
    out_norm = dict(backbone.out_norms.items()).get(str(stages - 1))
    return spikes, image if out_norm is None else out_norm(image)


@torch.no_grad()
def spikes_of_graph(network: NirNetwork, image: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """The same of a graph from `export_nir`; its map is the last one.

    Args:
        network: The graph, read back.
        image: (N, C, H, W), of the graph's precision.
    """
    spikes: dict[str, Tensor] = {}
    banks = {n: node for n, node in network.graph.nodes.items() if isinstance(node, nir.IF)}

    def keep(name: str, _bank: nn.Module, _inputs: tuple, output: tuple[Tensor, Tensor]) -> None:
        spikes[name] = output[0]

    hooks = [network.module_of(n).register_forward_hook(partial(keep, n)) for n in banks]
    try:
        out, _ = network(image)
    finally:
        for hook in hooks:
            hook.remove()
    levels = {n: int(node.metadata['D']) for n, node in banks.items()}
    # (N, C * D, H, W) -> (D, N, C, H, W)
    return {n: s.unflatten(1, (-1, levels[n])).movedim(2, 0) for n, s in spikes.items()}, out


def compare_spikes(backbone: ESpikeFormer, network: NirNetwork, image: Tensor) -> SpikeAgreement:
    """Run both on one picture.

    Args:
        backbone: The ``ESpikeFormer`` that the graph was made from.
        network: The graph, read back.
        image: (N, C, H, W).
    """
    theirs, out = spikes_of_graph(network, image)
    mine, expected = spikes_of_model(backbone, image, int(network.graph.metadata['stages']))
    return SpikeAgreement(
        spikes={name: int(spikes.sum()) for name, spikes in mine.items()},
        different={name: int((mine[name] != theirs[name]).sum()) for name in mine},
        largest_error=float((expected - out).abs().max()),
        largest_value=float(expected.abs().max()),
    )

"""What the layers read that get real values instead of spikes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from torch import nn

from mmsfa.layers import SpikeDriven, readout_layers

RealInput = Literal['picture', 'potentials', 'counts', 'analog']
REMARKS: dict[RealInput, str] = {
    'picture': 'sees the picture',
    'potentials': 'reads membrane potentials',
    'counts': 'reads counts, because it is not linear in its input',
    'analog': 'gets real values',
}


def real_inputs(
    model: nn.Module, layers: dict[str, bool], nonlinear: Collection[str] = ()
) -> dict[str, RealInput]:
    """Tell what each layer reads that gets real values.

    Two kinds are meant to get them: the first layer of a model sees the picture (a backbone tells
    several of them by ``picture_layers``), and the read-outs of its spike-driven heads read
    membrane potentials. A layer that normalises what it gets cannot take single spikes. All others
    are ``'analog'``: layers of an ordinary network, or those whose neuron is missing by mistake.

    Args:
        model: Any model.
        layers: Its layers in the order of execution, and whether each got real values.
        nonlinear: Layers that got spikes and could not take them one by one.

    Returns:
        What the layers that got real values read, by name and in the same order.
    """
    readouts = {
        head.get_submodule(name)
        for head in model.modules()
        if isinstance(head, SpikeDriven)
        for name in readout_layers(head)
    }
    first = next(iter(layers), None)
    told = {
        layer for module in model.modules() for layer in getattr(module, 'picture_layers', list)()
    }

    def read_by(name: str) -> RealInput:
        if name == first or model.get_submodule(name) in told:
            return 'picture'
        return 'potentials' if model.get_submodule(name) in readouts else 'analog'

    return {
        name: 'counts' if name in nonlinear else read_by(name)
        for name, is_real in layers.items()
        if is_real or name in nonlinear
    }

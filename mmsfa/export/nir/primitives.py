"""What NIR can say of neurons and convolutions.

An SFA neuron becomes a bank of D integrate-and-fire neurons.

NIR's ``IF`` (nir 1.0.8) integrates ``dv/dt = R I``, fires where ``v > v_threshold`` and is then put
back to ``v_reset``. It does not subtract its threshold, so a single ``IF`` cannot emit the burst of
n spikes that an SFA neuron stands for. Its thermometer code can be said exactly: spike d of D comes
where the count reaches d, and that is one comparison. So every SFA neuron becomes D ``IF`` neurons,
one a level, which see the same potential U shifted by the level and fire in the same time step.

Level d gets ``U - (d - 3/4)`` and a threshold just below 1/4: the edge of the level, U = d - 1/2,
lies at 1/4. There the subtraction is exact, and the threshold lies between two of its results, so
that it is never met itself. The spikes are therefore those of `integer_fire` for every U, ties
included, in the precision that the graph is written in, and also with readers that compare ``>=``
instead of ``>``.
"""

from __future__ import annotations

import nir
import numpy as np
from torch import nn

from mmsfa.errors import UserError
from mmsfa.layers.effective_weight import as_plain
from mmsfa.neurons import SFA
from mmsfa.neurons.functional import level_shifts


def plain_convolution(name: str, layer: nn.Module) -> nn.Conv2d:
    """A convolution as NIR's Conv2d can say it, with the weight that it really multiplies with.

    Raises:
        NirError: NIR cannot say it; names the layer and what it is.
    """
    conv = as_plain(layer)
    if not isinstance(conv, nn.Conv2d):
        raise NirError(f'{name} is a {type(layer).__name__}, which NIR has no node for.')
    if conv.padding_mode != 'zeros' or isinstance(conv.padding, str):
        raise NirError(
            f'{name} pads with {conv.padding_mode!r} by {conv.padding!r}: NIR pads with zeros, by '
            'numbers of rows and columns.'
        )
    if conv.kernel_size[0] != conv.kernel_size[1]:
        raise NirError(
            f'{name} has a kernel of {conv.kernel_size}: nir {nir.version} takes the height of a '
            'kernel for its width too, so only square ones have the right shape.'
        )
    return conv


def ungroup(weight: np.ndarray, groups: int) -> np.ndarray:
    """(C_out, C_in / groups, k, k) -> (C_out, C_in, k, k), with zeros between the groups."""
    if groups == 1:
        return weight
    out, each = len(weight) // groups, weight.shape[1]
    dense = np.zeros((len(weight), groups * each, *weight.shape[2:]), weight.dtype)
    for g in range(groups):
        rows = slice(g * out, (g + 1) * out)
        dense[rows, g * each : (g + 1) * each] = weight[rows]
    return dense


ROUNDINGS = ('half_even', 'half_up')


class NirError(UserError, ValueError):
    """Something that NIR cannot say exactly, or a graph that mmsfa cannot run."""


def check_neuron(name: str, neuron: object) -> SFA:
    """The neuron itself; what is no SFA neuron on a single picture is refused.

    Raises:
        NirError: Names the layer and what it is.
    """
    if type(neuron) is not SFA:
        raise NirError(
            f'{name} is a {type(neuron).__name__}, which NIR has no exact node for: only SFA '
            'neurons can be exported.'
        )
    if neuron.T != 1:
        raise NirError(
            f'{name} runs over T={neuron.T} real time steps with leak and soft reset, which the IF '
            'of NIR does not have: only T=1 can be exported.'
        )
    if neuron.rounding not in ROUNDINGS:
        raise NirError(
            f'{name} rounds {neuron.rounding!r}, which has no exact form in NIR: expected one of '
            f'{", ".join(ROUNDINGS)}.'
        )
    return neuron


def neuron_bank(name: str, neuron: SFA, shape: tuple[int, ...], dtype: np.dtype) -> nir.IF:
    """The D integrate-and-fire neurons of each SFA neuron of a layer.

    Args:
        name: Name of the layer, which the metadata keeps.
        neuron: The layer.
        shape: (D * C, H, W); channel ``c * D + d - 1`` holds level d of channel c.
        dtype: Precision of the graph.
    """
    _, threshold = level_shifts(neuron.D, neuron.rounding, dtype)
    return nir.IF(
        r=np.ones(shape, dtype),
        v_threshold=np.full(shape, threshold, dtype),
        v_reset=np.zeros(shape, dtype),
        metadata=dict(neuron=name, D=neuron.D, norm=float(neuron.norm), rounding=neuron.rounding),
    )

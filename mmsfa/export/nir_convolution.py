"""What NIR's Conv2d can say of a convolution of torch."""

from __future__ import annotations

import nir
import numpy as np
from torch import nn

from .nir_neuron import NirError


def check_convolution(name: str, conv: nn.Module) -> None:
    """Refuse what NIR's Conv2d cannot say.

    Raises:
        NirError: Names the layer and what it is.
    """
    if type(conv) is not nn.Conv2d:
        raise NirError(f'{name} is a {type(conv).__name__}, which NIR has no node for.')
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

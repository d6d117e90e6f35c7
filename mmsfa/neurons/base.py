"""What an observer may rely on in every spiking neuron."""

from __future__ import annotations

from torch import nn


class SpikingNeuron(nn.Module):
    """Base of all spiking neurons: its output is ``counts / norm`` with counts in 0..D.

    Attributes:
        D: Number of levels (virtual time steps) per real time step.
        norm: Divisor of the counts.
        owns_input: Whether nothing else reads the input, so that a pass without gradients may
            overwrite it. Only a layer that made the input itself sets this.
    """

    D: int
    norm: float
    owns_input: bool = False

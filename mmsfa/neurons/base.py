"""What an observer may rely on in every spiking neuron."""

from __future__ import annotations

from torch import Tensor, nn


class SpikingNeuron(nn.Module):
    """Base of all spiking neurons: its output is ``counts / norm`` with counts in 0..D.

    Attributes:
        D: Number of levels (virtual time steps) per real time step.
        norm: Divisor of the counts.
    """

    D: int
    norm: float

    def firing_rate(self, output: Tensor) -> Tensor:
        """Mean firing rate of an output of this neuron: mean count / D, a scalar in [0, 1]."""
        return output.float().mean() * (self.norm / self.D)

"""What an observer may rely on in every spiking neuron."""

from __future__ import annotations

from operator import methodcaller
from typing import Any

from torch import Tensor, nn

from .weight_settings import keep_settings


class SpikingNeuron(nn.Module):
    """Base of all spiking neurons: its output is ``counts / norm`` with counts in 0..D.

    Attributes:
        D: Number of levels (virtual time steps) per real time step.
        norm: Divisor of the counts.
        T: Number of real time steps that are folded into the batch axis of a call; 1 keeps no
            memory of the call before.
        owns_input: Whether nothing else reads the input, so that a pass without gradients may
            overwrite it. Only a layer that made the input itself sets this.
        output_settings: Names of further attributes that decide the output.
    """

    D: int
    norm: float
    T: int = 1
    owns_input: bool = False
    output_settings: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        keep_settings(self, methodcaller('settings'))

    def settings(self) -> dict[str, Any]:
        """What decides its output; weights that had other settings warn when they are loaded."""
        names = ('D', 'norm', 'T', *self.output_settings)
        return {'neuron': type(self).__name__, **{name: getattr(self, name) for name in names}}

    def fire_one_step(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """One real time step, for callers that hold the membrane potential themselves.

        Args:
            x: Input of this step, shape (B, ...).
            membrane: What this method gave in the step before; None in the first step.

        Returns:
            Output (counts / norm) of this step and what it leaves for the next one; None if it
            leaves nothing.

        Raises:
            NotImplementedError: The neuron has no real time steps.
        """
        raise NotImplementedError(
            f'{type(self).__name__} has no real time steps: it must define fire_one_step.'
        )

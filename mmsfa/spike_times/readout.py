"""What the last layer of a network of spike times says: potentials, or who fires first."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from .codes import SpikeTimeError, first_spike_scores
from .layers import SpikeTimeLayer
from .silence import Silence, share_of_firing

Readout = Literal['potential', 'first_spike']


def check_readout(readout: str, temperature: float) -> None:
    """Check the settings of a read-out.

    Raises:
        SpikeTimeError: One is out of its range.
    """
    if readout not in ('potential', 'first_spike'):
        raise SpikeTimeError(f"readout must be 'potential' or 'first_spike', got {readout!r}.")
    if not temperature > 0:
        raise SpikeTimeError(f'temperature must be > 0, got {temperature!r}.')


def scores_of(
    layer: SpikeTimeLayer, t: Tensor, temperature: float, silence: Silence | None = None
) -> Tensor:
    """What the last layer says of each class: its potentials, or its race.

    Args:
        layer: The last layer.
        t: What comes in, times.
        temperature: What times are divided by in a race.
        silence: Names the layer when it falls silent in training; then all classes are alike.
    """
    found = layer(t)
    if layer.readout:
        return found
    if layer.training and silence:
        silence.name({'the read-out': share_of_firing(found)})
    return first_spike_scores(found, temperature, layer.rule.latest)

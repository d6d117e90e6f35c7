"""A neuron whose spikes have signs, which mmsfa itself does not know."""

from __future__ import annotations

from mmengine.registry import MODELS
from torch import Tensor

from mmsfa.neurons import SpikingNeuron


@MODELS.register_module(force=True)
class Ternary(SpikingNeuron):
    """Counts -D..D."""

    def __init__(self, D: int = 2, norm: float = 2, inplace: bool = False) -> None:
        super().__init__()
        self.D, self.lowest, self.norm = D, -D, norm

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(-self.D, self.D).round() / self.norm

"""Neurons whose spikes have signs: of QT-SNN, and of an encoder."""

from __future__ import annotations

from math import inf
from typing import Any

from mmpretrain.registry import MODELS
from torch import Tensor

from .base import SpikingNeuron
from .functional.checks import check_time
from .functional.straight_through import straight_through
from .functional.surrogate import check_surrogate
from .functional.ternary import ternary_fire_one_step, ternary_fire_over_time, ternary_spikes
from .state_quant import UniformState, build_state_quantizer


@MODELS.register_module()
class TernaryLIF(SpikingNeuron):
    r"""Leaky integrate-and-fire with spikes of -1, 0 and +1 and a soft reset.

    .. math:: u = leak \, v + x, \qquad s = [u \ge \theta] - [u \le -\theta], \qquad
        v = u - \theta s

    For input that is never negative it is a ``LIF`` with ``v_reset=None``. QT-SNN
    (https://arxiv.org/abs/2407.05310) is published without code, and its text was not at hand: the
    neuron is **a reconstruction of ours**.

    Args:
        T: Number of real time steps that are folded into the batch axis.
        threshold: :math:`\theta`.
        leak: Share of the membrane potential that stays until the next step.
        alpha: Steepness of the two triangles that stand for the slope of a spike.
        detach_reset: Let no gradient flow through the reset.
        state_quant: Config of the quantiser of the membrane potential that is kept for the next
            step, see :class:`~mmsfa.neurons.state_quant.UniformState`; None keeps it as it is. With
            T = 1 nothing is kept.
        inplace: Accepted because mmcv's ``ConvModule`` passes it, and without effect.

    Shape:
        - Input: (T*B, ...), input current.
        - Output: (T*B, ...), -1, 0 and +1.

    Raises:
        ValueError: A setting is out of its range.
    """

    D = 1
    lowest = -1
    norm = 1
    output_settings = ('threshold', 'leak')

    def __init__(
        self,
        T: int = 1,
        threshold: float = 1.0,
        leak: float = 0.5,
        alpha: float = 1.0,
        detach_reset: bool = True,
        state_quant: dict | UniformState | None = None,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        check_time(T, leak)
        if not 0 < threshold < inf:
            raise ValueError(f'threshold of TernaryLIF must be a number > 0, got {threshold!r}.')
        self.T, self.threshold, self.leak = T, threshold, leak
        self.alpha = check_surrogate('triangle', alpha)
        self.detach_reset = detach_reset
        self.state_quant = build_state_quantizer(state_quant, T)

    def forward(self, x: Tensor) -> Tensor:
        """Fire: (T*B, ...) input current in, (T*B, ...) spikes with signs out."""
        backward = self.alpha, self.detach_reset
        return ternary_fire_over_time(
            x, self.T, self.leak, self.threshold, *backward, self.state_quant
        )

    def fire_one_step(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """One real time step, (B, ...)."""
        backward = self.alpha, self.detach_reset
        spikes, membrane, _ = ternary_fire_one_step(
            x, membrane, self.leak, self.threshold, *backward, self.state_quant
        )
        return spikes, membrane

    def settings(self) -> dict[str, Any]:
        """What decides its output."""
        stored = {'state_quant': self.state_quant.settings()} if self.state_quant else {}
        return super().settings() | stored

    def extra_repr(self) -> str:
        """Settings that ``print(model)`` shows."""
        return f'T={self.T}, threshold={self.threshold}, leak={self.leak}, alpha={self.alpha}'


@MODELS.register_module()
class TernaryInput(SpikingNeuron):
    """The spikes of an encoder, as they come: what reads them adds and does not multiply.

    It keeps nothing from one step to the next, and the gradient passes, so that it may also stand
    behind a neuron, where a layer reads its spikes in another shape. What is no spike, as the
    values of a signal that nobody has encoded, becomes one from 1/2 on.

    Args:
        T: Number of real time steps; without effect.
        inplace: Without effect.

    Shape:
        - Input and output: (T*B, ...), -1, 0 and +1.
    """

    D = 1
    lowest = -1
    norm = 1

    def __init__(self, T: int = 1, inplace: bool = False) -> None:
        super().__init__()
        self.T = T

    def forward(self, x: Tensor) -> Tensor:
        """Let spikes pass."""
        return straight_through(x, ternary_spikes(x.detach(), 0.5))

    def fire_one_step(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The same; nothing is left for the next step."""
        return self(x), None

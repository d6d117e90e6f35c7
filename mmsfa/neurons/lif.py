"""Binary integrate-and-fire neurons, trained directly: what SFA is compared with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import isfinite
from typing import Any

from mmpretrain.registry import MODELS
from torch import Tensor

from .base import SpikingNeuron
from .functional import (
    BinaryDynamics,
    GradMask,
    StateHooks,
    binary_fire_one_step,
    binary_fire_over_time,
    check_grad_mask,
    check_time,
    hooked_fire_one_step,
    hooked_fire_over_time,
)
from .functional.stored_spikes import remembered
from .functional.surrogate import SpikeSurrogate, check_surrogate
from .state_quant import UniformState, build_state_quantizer
from .threshold import AFT, build_threshold, number_of, numbered


@MODELS.register_module()
class IF(SpikingNeuron):
    r"""Integrate-and-fire neuron: binary spikes over T real time steps.

    .. math:: H[t] = V[t-1] + x[t], \qquad s[t] = [H[t] \ge v_{threshold}]

    and V[t] = v_reset where it has fired, or H[t] - v_threshold s[t] with ``v_reset=None``. The
    options, their defaults and what they do are those of SpikingJelly's ``IFNode``; the
    mathematics is in :mod:`mmsfa.neurons.functional`.

    Args:
        T: Number of real time steps that are folded into the batch axis.
        v_threshold: Membrane potential from which the neuron fires.
        v_reset: Membrane potential at the start and after a spike; None subtracts the threshold
            instead (soft reset) and starts at 0.
        surrogate: Slope of a spike in backward: ``'sigmoid'``, ``'atan'``, ``'triangle'`` (also
            called ``'piecewise_quadratic'``) or ``'rectangle'``.
        alpha: Steepness of the surrogate; None takes its usual one.
        detach_reset: Let no gradient flow through the reset.
        inplace: Accepted because mmcv's ``ConvModule`` passes it, and without effect.
        strict: Fire above the threshold only, not at it.
        state_quant: Config of the quantiser of the membrane potential that is kept for the next
            step, see :class:`~mmsfa.neurons.state_quant.UniformState`; None keeps it as it is. With
            T = 1 nothing is kept.
        grad_mask: ``'fired'`` takes the slope of the surrogate where the neuron has fired, and 0
            where it is silent; a silent step before a spike still gets what flows back through the
            membrane potential. ``'fired_cut'`` stops that, too: no silent element gets a gradient.
            None is the plain surrogate. Spikes are the same.
        threshold: Config of an adaptive threshold, see :class:`~mmsfa.neurons.threshold.AFT`;
            ``v_threshold`` is then what it starts from. None keeps ``v_threshold``.

    Attributes:
        hooks: What a variant of the neuron does to its threshold, its state and its gradient.

    Shape:
        - Input: (T*B, ...), input current.
        - Output: (T*B, ...), zeros and ones.

    Raises:
        ValueError: A setting is out of its range.
    """

    D = 1
    norm = 1
    output_settings: tuple[str, ...] = ('v_threshold', 'v_reset')
    hooks = StateHooks()

    def __init__(
        self,
        T: int = 1,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate: SpikeSurrogate = 'sigmoid',
        alpha: float | None = None,
        detach_reset: bool = False,
        inplace: bool = False,
        strict: bool = False,
        state_quant: dict | UniformState | None = None,
        grad_mask: GradMask | None = None,
        threshold: dict | AFT | None = None,
    ) -> None:
        super().__init__()
        check_time(T, 0)
        rest = 0.0 if v_reset is None else v_reset
        if not (isfinite(v_threshold) and isfinite(rest) and v_threshold > rest):
            raise ValueError(
                'v_threshold must be larger than v_reset (0 with v_reset=None), got '
                f'v_threshold={v_threshold!r} and v_reset={v_reset!r}.'
            )
        self.T = T
        self.v_threshold = v_threshold
        self.v_reset = v_reset
        self.surrogate = surrogate
        self.alpha = check_surrogate(surrogate, alpha)
        self.detach_reset = detach_reset
        self.dynamics = BinaryDynamics(1.0, 1.0, v_threshold - rest, soft_reset=v_reset is None)
        if strict:
            self.hooks = self.hooks._replace(strict=True)
        self.state_quant = build_state_quantizer(state_quant, T)
        check_grad_mask(grad_mask)
        self.grad_mask = grad_mask
        self.threshold = build_threshold(threshold, T, v_threshold - rest)

    def forward(self, x: Tensor) -> Tensor:
        """Fire: (T*B, ...) input current in, (T*B, ...) zeros and ones out."""
        backward = self.surrogate, self.alpha, self.detach_reset
        hooks = self._hooks()
        if hooks == StateHooks():
            fired = binary_fire_over_time(x, self.T, self.dynamics, *backward)
        else:
            fired = hooked_fire_over_time(x, self.T, self.dynamics, hooks, *backward)
        return remembered(fired, self.D, self.norm)

    def fire_one_step(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """One real time step, (B, ...), without gradients; the membrane is counted from rest."""
        hooks = self._hooks()
        if hooks == StateHooks():
            spikes, membrane, _ = binary_fire_one_step(x, membrane, self.dynamics)
            return spikes, membrane
        if self.threshold is None:
            return hooked_fire_one_step(x, membrane, self.dynamics, hooks)
        step = number_of(membrane)
        hooks = hooks._replace(threshold=self.threshold.of_step(step))
        spikes, membrane = hooked_fire_one_step(x, membrane, self.dynamics, hooks)
        return spikes, numbered(membrane, step)

    def _hooks(self) -> StateHooks:
        found = self.hooks
        if self.state_quant:
            found = found._replace(store=self.state_quant)
        if self.threshold is not None:
            found = found._replace(threshold=self.threshold.of_steps())
        if self.grad_mask is not None:
            found = found._replace(grad_mask=_where_it_fires)
        if self.grad_mask == 'fired_cut':
            found = found._replace(store=partial(_detached, found.store))
        return found

    def settings(self) -> dict[str, Any]:
        """What decides its output; what is not set is not told, as older weights do not."""
        strict = {'strict': True} if self.hooks.strict else {}
        stored = {'state_quant': self.state_quant.settings()} if self.state_quant else {}
        threshold = {'threshold': self.threshold.settings()} if self.threshold else {}
        return super().settings() | strict | stored | threshold

    def extra_repr(self) -> str:
        """Settings that ``print(model)`` shows."""
        return (
            f'T={self.T}, v_threshold={self.v_threshold}, v_reset={self.v_reset}, '
            f'surrogate={self.surrogate}, alpha={self.alpha}, detach_reset={self.detach_reset}'
            + (', strict=True' if self.hooks.strict else '')
            + (f', grad_mask={self.grad_mask}' if self.grad_mask else '')
        )


def _where_it_fires(_charge: Tensor, spikes: Tensor) -> Tensor:
    return spikes


def _detached(store: Callable[[Tensor], Tensor] | None, membrane: Tensor) -> Tensor:
    return (membrane if store is None else store(membrane)).detach()


@MODELS.register_module()
class LIF(IF):
    r"""Leaky integrate-and-fire neuron: an `IF` whose membrane potential decays.

    .. math:: H[t] = V[t-1] + (x[t] - (V[t-1] - v_{reset})) / \tau

    With ``decay_input=False`` the input is not divided by tau. Options as in SpikingJelly's
    ``LIFNode``; directly trained spiking transformers use ``tau=2, detach_reset=True``.

    Args:
        T: See `IF`.
        tau: Membrane time constant in time steps, >= 1; 1 forgets everything at each step.
        decay_input: Whether the input decays too.
        **settings: The other options of `IF`.

    Shape:
        - Input: (T*B, ...), input current.
        - Output: (T*B, ...), zeros and ones.

    Raises:
        ValueError: A setting is out of its range.
    """

    output_settings = (*IF.output_settings, 'tau', 'decay_input')

    def __init__(
        self,
        T: int = 1,
        tau: float = 2.0,
        decay_input: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(T, **settings)
        if not (isfinite(tau) and tau >= 1):
            raise ValueError(f'tau (the membrane time constant) must be >= 1 step, got {tau!r}.')
        self.tau = tau
        self.decay_input = decay_input
        gain = 1 / tau if decay_input else 1.0
        self.dynamics = self.dynamics._replace(leak=1 - 1 / tau, gain=gain)

    def extra_repr(self) -> str:
        """Settings that ``print(model)`` shows."""
        return f'tau={self.tau}, decay_input={self.decay_input}, {super().extra_repr()}'

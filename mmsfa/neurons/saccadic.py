"""The saccadic neuron: a learnt mix of all real time steps so far, and a threshold for each."""

from __future__ import annotations

from typing import Any, Literal

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.errors import UserError

from .base import SpikingNeuron
from .functional import (
    BinaryDynamics,
    SpikeSurrogate,
    StateHooks,
    causal_mix,
    check_surrogate,
    check_time,
    decoupled_threshold,
    hooked_fire_one_step,
    initial_mix,
    is_exporting,
)
from .functional.checks import check_batch, check_floating, is_number
from .learnt_steps import check_step, refuse_other_steps

Temporal = Literal['causal', 'decoupled']
# Fires where the distance from the threshold is not negative.
_AT_ZERO = BinaryDynamics(1.0, 1.0, 0.0, soft_reset=True)


class DecoupledRuleError(UserError, ValueError):
    """The inverse of a mix does not exist, and with it no rule for single steps."""


class SaccadicMix(nn.Module):
    r"""The distance from its threshold of a mix over time: :math:`H_t / unit - V_t / \alpha`.

    Args:
        T: Number of real time steps.
        threshold: First value of all thresholds, in units.
        unit: What the charge is measured in, so that thresholds are numbers near 1 whatever the
            size of the inputs. It multiplies the threshold of a device.
        past: First share of the step before, see
            :func:`~mmsfa.neurons.functional.saccadic.initial_mix`.
        scaled: Learn one factor alpha of the charge (SSSA-V2).

    Attributes:
        mix: M, shape (T, T); zero above the diagonal, also after steps of an optimizer.
        threshold: V, shape (T,).
        log_alpha: Logarithm of alpha, a scalar that begins with 0; None without.

    Shape:
        - Input and output: (T*B, ...).
    """

    log_alpha: nn.Parameter | None
    multiplies_weights = False

    def __init__(
        self,
        T: int = 1,
        threshold: float = 1.0,
        unit: float = 1.0,
        past: float = 0.1,
        scaled: bool = False,
    ) -> None:
        super().__init__()
        check_time(T, 0)
        for name, value in dict(threshold=threshold, unit=unit).items():
            if not (is_number(value) and value > 0):
                raise ValueError(f'{name} must be a number > 0, got {value!r}.')
        if not is_number(past, 0, 1):
            raise ValueError(
                f'past (the share of the step before) must lie in [0, 1], got {past!r}.'
            )
        self.T = T
        self.unit = unit
        self.mix = nn.Parameter(initial_mix(T, past))
        self.threshold = nn.Parameter(torch.full((T,), float(threshold)))
        self.log_alpha = nn.Parameter(torch.zeros(())) if scaled else None
        self.register_load_state_dict_pre_hook(refuse_other_steps('mix'))
        self.register_load_state_dict_pre_hook(_forget_the_future)

    def thresholds(self) -> Tensor:
        """V / alpha, in units, shape (T,)."""
        return self.threshold if self.log_alpha is None else self.threshold / self.log_alpha.exp()

    def distance(self, x: Tensor) -> Tensor:
        """(T, B, ...) -> (T, B, ...)."""
        charge = causal_mix(x, self.mix.to(x.dtype))
        return charge / self.unit - _along_time(self.thresholds(), charge)

    def forward(self, x: Tensor) -> Tensor:
        """(T*B, ...) -> (T*B, ...)."""
        check_batch(x, self.T)
        return self.distance(x.unflatten(0, (self.T, -1))).flatten(0, 1)


def _along_time(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like.dtype).reshape(-1, *[1] * (like.dim() - 1))


def _forget_the_future(
    module: nn.Module, state_dict: dict[str, Any], prefix: str, *unused: object
) -> None:
    """Before weights are loaded: nothing above the diagonal."""
    given = state_dict.get(f'{prefix}mix')
    if isinstance(given, Tensor) and given.dim() == 2:
        state_dict[f'{prefix}mix'] = given.tril()


@MODELS.register_module()
class SaccadicNeuron(SaccadicMix, SpikingNeuron):
    r"""Binary neuron that weighs all its inputs so far anew in each real time step.

    .. math:: H_t = \sum_{s \le t} M_{ts} x_s, \qquad S_t = [H_t / unit \ge V_t / \alpha]

    Neither leak nor reset; M and V are trained. With T = 1 it is a learnt threshold. Source:
    SNN-ViT, https://arxiv.org/abs/2502.12677; that a charge at the threshold fires, the
    surrogate, ``unit``, one alpha for all steps and the first values are ours.

    The paper infers with :math:`S_t = [x_t \ge (M^{-1} V)_t]`, which reads one step only. **That is
    another function**: the same for a diagonal M with positive entries, and not else.

    Args:
        T: Number of real time steps that are folded into the batch axis.
        threshold: See :class:`SaccadicMix`.
        unit: See :class:`SaccadicMix`.
        past: See :class:`SaccadicMix`.
        scaled: See :class:`SaccadicMix`.
        temporal: ``'causal'``: as trained; or ``'decoupled'``: in evaluation the rule of single
            steps, whose agreement with the causal one :attr:`agreement` tells.
        surrogate: Slope of a spike in backward, see
            :func:`~mmsfa.neurons.functional.surrogate.surrogate_derivative`; of the distance in
            units.
        alpha: Steepness of the surrogate; None takes its usual one.
        inplace: Accepted because mmcv's ``ConvModule`` passes it, and without effect.

    Shape:
        - Input: (T*B, ...), such as numbers of spikes.
        - Output: (T*B, ...), zeros and ones.

    Raises:
        ValueError: A setting is out of its range.
        LearntStepsError: Weights of another T are loaded, or a stream is longer than T.
    """

    D = 1
    norm = 1
    output_settings = ('unit',)

    def __init__(
        self,
        T: int = 1,
        threshold: float = 1.0,
        unit: float = 1.0,
        past: float = 0.1,
        scaled: bool = False,
        temporal: Temporal = 'causal',
        surrogate: SpikeSurrogate = 'triangle',
        alpha: float | None = None,
        inplace: bool = False,
    ) -> None:
        super().__init__(T, threshold, unit, past, scaled)
        if temporal not in ('causal', 'decoupled'):
            raise ValueError(f"temporal must be 'causal' or 'decoupled', got {temporal!r}.")
        self.temporal = temporal
        self.surrogate: SpikeSurrogate = surrogate
        self.alpha = check_surrogate(surrogate, alpha)
        self._agreed: Tensor | None = None

    @property
    def agreement(self) -> float | None:
        """Share 0..1 of the spikes of the last call that the causal rule gives, too.

        None before the first call of the decoupled rule.
        """
        return None if self._agreed is None else self._agreed.item()

    def forward(self, x: Tensor) -> Tensor:
        """Fire: (T*B, ...) in, (T*B, ...) zeros and ones out."""
        check_floating(x)
        check_batch(x, self.T)
        x = x.unflatten(0, (self.T, -1))
        spikes = self._fire(self.distance(x))
        if self._decoupled:
            spikes = self._alone(x, spikes, self._decoupled_thresholds())
        return spikes.flatten(0, 1)

    def fire_one_step(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """One real time step, (B, ...); what is kept are the inputs of all steps so far.

        Raises:
            LearntStepsError: It is a step behind the last one that has been learnt.
        """
        inputs = x[None] if membrane is None else torch.cat([membrane, x[None]])
        step = len(inputs) - 1
        check_step(step, self.T, 'its mix over time')
        charge = causal_mix(inputs, self.mix.to(x.dtype), step)
        spikes = self._fire(charge / self.unit - self.thresholds()[step].to(x.dtype))
        if self._decoupled:
            spikes = self._alone(x, spikes, self._decoupled_thresholds()[step])
        return spikes, inputs

    def _fire(self, distance: Tensor) -> Tensor:
        none = StateHooks()
        return hooked_fire_one_step(distance, None, _AT_ZERO, none, self.surrogate, self.alpha)[0]

    @property
    def _decoupled(self) -> bool:
        return self.temporal == 'decoupled' and not self.training

    def _alone(self, x: Tensor, causal: Tensor, thresholds: Tensor) -> Tensor:
        """Spikes of the rule of single steps, (T, B, ...) or (B, ...); keeps their agreement."""
        spikes = self._fire(x / self.unit - _along_time(thresholds, x))
        if not is_exporting():
            self._agreed = (spikes == causal).double().mean()
        return spikes

    def _decoupled_thresholds(self) -> Tensor:
        if not is_exporting() and (self.mix.diagonal() == 0).any():
            raise DecoupledRuleError(
                "temporal='decoupled' needs a mix without zeros on its diagonal (it is inverted): "
                "use temporal='causal', which is what was trained."
            )
        return decoupled_threshold(self.mix, self.thresholds())

    def extra_repr(self) -> str:
        """Settings that ``print(model)`` shows."""
        return f'T={self.T}, unit={self.unit}, temporal={self.temporal}'

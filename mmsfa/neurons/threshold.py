"""A threshold that follows the potentials of its layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .building import build_part
from .functional.checks import is_number
from .learnt_steps import check_step, refuse_other_steps
from .running_mean import RunningMean


@MODELS.register_module()
class AFT(RunningMean):
    r"""Adaptive firing threshold: mean plus k standard deviations of a sample's potentials.

    .. math:: \theta[t, b] = \max(\epsilon,\; \mathrm{mean}(u[t, b]) + k\,\mathrm{std}(u[t, b]))

    over all neurons of the layer. Evaluation takes a running mean of each step, as a BN does it: a
    sample alone gives what it gives in a batch. No gradient flows through the threshold. **A
    reconstruction**: that MPD-ED (https://arxiv.org/abs/2403.00270) adapts the threshold of a
    layer is published, the formula, its constants and the running mean are ours.

    Args:
        T: Number of real time steps; a neuron tells its own.
        k: Standard deviations above the mean; may be negative.
        eps: Smallest threshold.
        momentum: Share of the newest batch in the running mean.
        start: The threshold before any training; a neuron tells its own.

    Attributes:
        running_threshold: The running mean of each real time step, a buffer of shape (T,).

    Shape:
        - Input: (B, ...), potentials of one real time step, counted from rest.
        - Output: broadcastable to it: (B, 1, ...) in training, a scalar in evaluation.

    Raises:
        ValueError: A setting is out of its range.
        LearntStepsError: Weights of another T are loaded, or a stream is longer than T.
    """

    running_threshold: Tensor

    def __init__(
        self,
        T: int = 1,
        k: float = 0.5,
        eps: float = 0.1,
        momentum: float = 0.1,
        start: float = 1.0,
    ) -> None:
        super().__init__()
        if not is_number(k):
            raise ValueError(f'k of AFT must be a number, got {k!r}.')
        if not (is_number(eps) and eps > 0):
            raise ValueError(f'eps of AFT (its smallest threshold) must be > 0, got {eps!r}.')
        if not (is_number(momentum, 0, 1) and momentum > 0):
            raise ValueError(f'momentum of AFT must lie in (0, 1], got {momentum!r}.')
        self.T = T
        self.k = k
        self.eps = eps
        self.momentum = momentum
        self.keep_mean('running_threshold', torch.full((T,), float(start)))
        self.register_load_state_dict_pre_hook(refuse_other_steps('running_threshold'))

    @torch.no_grad()
    def forward(self, potential: Tensor, step: int = 0) -> Tensor:
        """The threshold of one real time step, in the dtype of the potential."""
        if not self.training:
            return self.running_threshold[step].to(potential.dtype)
        wide = potential.detach().to(torch.promote_types(potential.dtype, torch.float32))
        samples = wide.flatten(1) if wide.dim() > 1 else wide[:, None]
        std, mean = torch.std_mean(samples, 1, correction=0)
        found = (mean + self.k * std).clamp(min=self.eps)
        if found.numel():  # an empty batch teaches nothing
            self.learn(found.mean(), step)
        return found.to(potential.dtype).view(-1, *[1] * (potential.dim() - 1))

    def of_steps(self) -> Callable[[Tensor], Tensor]:
        """A function of the potential alone that is called once for each step, in their order."""
        steps = count()
        return lambda potential: self(potential, next(steps))

    def of_step(self, step: int) -> Callable[[Tensor], Tensor]:
        """A function of the potential alone, for one step of a stream.

        Raises:
            LearntStepsError: It is a step behind the last one that has been learnt.
        """
        check_step(step, self.T, 'thresholds', 'AFT')
        return partial(self.forward, step=step)

    def settings(self) -> dict[str, Any]:
        """What decides its values; weights of other settings warn when they are loaded."""
        return dict(type=type(self).__name__, k=self.k, eps=self.eps)

    def extra_repr(self) -> str:
        """Settings that ``print(model)`` shows."""
        return f'k={self.k}, eps={self.eps}, momentum={self.momentum}'


def build_threshold(setting: dict | AFT | None, T: int, start: float) -> AFT | None:
    """The adaptive threshold of a neuron, or None.

    Args:
        setting: Config of an :class:`AFT`, or one; None keeps the threshold as it is.
        T: Number of real time steps of the neuron.
        start: The threshold before any training.

    Raises:
        ValueError: It is none of these, or has another T.
    """
    if setting is None:
        return None
    given = dict(T=T, start=start)
    if isinstance(setting, dict):
        given = {key: value for key, value in given.items() if key not in setting}
    example = "dict(type='AFT', k=0.5)"
    built = build_part(setting, AFT, 'threshold', example, 'k, eps and momentum', **given)
    if built.T != T:
        raise ValueError(
            f'threshold must have the real time steps of its neuron, T={T}, got T={built.T}: leave '
            'T out of it.'
        )
    return built


# What a neuron hands from step to step says which step it comes from: nobody else counts them.
def number_of(kept: Tensor | None) -> int:
    """The number of the step that gets what a step before has left, from 0 on.

    Args:
        kept: What :func:`numbered` has given; None in the first step.

    Raises:
        ValueError: It was changed or copied in between.
    """
    if kept is None:
        return 0
    step = getattr(kept, 'mmsfa_steps', None)
    if step is None:
        raise ValueError(
            'A neuron with an adaptive threshold must get back the membrane that fire_one_step '
            'gave, as it is: a tensor that was computed from it does not tell its time step.'
        )
    return step


def numbered(kept: Tensor, step: int) -> Tensor:
    """Mark what a step leaves with the number of steps so far.

    Args:
        kept: What it leaves.
        step: Its number, from 0 on.
    """
    kept.mmsfa_steps = step + 1  # type: ignore[attr-defined]  # on this very tensor
    return kept

"""Parameters that belong to single real time steps: other steps than theirs are refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

from mmsfa.errors import UserError


class LearntStepsError(UserError, ValueError):
    """Weights or a stream have other real time steps than what a module has learnt."""


def refuse_other_steps(name: str) -> Callable[..., None]:
    """A hook for ``register_load_state_dict_pre_hook``: a parameter of as many steps, or none.

    Args:
        name: The parameter, whose first axis is time.
    """
    return partial(_check, name)  # no closure: models with it can be pickled


def _check(
    name: str, module: nn.Module, state_dict: dict[str, Any], prefix: str, *unused: object
) -> None:
    given, own = state_dict.get(prefix + name), getattr(module, name)
    if isinstance(given, Tensor) and given.dim() == own.dim() and len(given) != len(own):
        raise LearntStepsError(
            f'The weights have {prefix}{name} for T = {len(given)} time steps, and the model '
            f'has T = {len(own)}: set T={len(given)} in its backbone, or train without these '
            'weights.'
        )


def check_step(step: int, steps: int, what: str) -> None:
    """Refuse a step of a stream that nothing has been learnt for.

    Args:
        step: Number of the step, from 0 on.
        steps: For how many steps there are parameters.
        what: The parameters, in words.

    Raises:
        LearntStepsError: The stream is longer.
    """
    if step >= steps:
        raise LearntStepsError(
            f'The attention has learnt {what} for {steps} time steps, and the stream goes on to '
            f'step {step + 1}: call reset() after {steps} steps, or train with a larger T.'
        )

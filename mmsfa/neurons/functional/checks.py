"""Settings and inputs that the functions of firing refuse."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from math import inf, isfinite
from typing import Any, Literal, TypeVar, get_args

import torch
from torch import Tensor

Rounding = Literal['half_even', 'half_up']
GradRange = Literal['closed', 'open']
GradMask = Literal['fired', 'fired_cut']

# Older torch (before 2.7) cannot tell, and does not need to: its exporter is another one.
is_exporting = getattr(torch.compiler, 'is_exporting', lambda: False)


def is_number(value: object, least: float = -inf, most: float = inf) -> bool:
    """Whether a setting is a finite int or float, and lies in [least, most]; True is no number."""
    right = isinstance(value, (int, float)) and not isinstance(value, bool)
    return right and isfinite(value) and least <= value <= most  # type: ignore[arg-type,operator]


def is_count(value: object) -> bool:
    """Whether a setting is a whole number from 1 on."""
    return isinstance(value, int) and is_number(value, 1)


Function = TypeVar('Function', bound=Callable[..., Any])


def surrogate_is_grad_range(function: Function) -> Function:
    """Let a function take ``grad_range`` by its old name, ``surrogate``, with a warning."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if 'surrogate' in kwargs:
            warnings.warn(
                f'surrogate of {function.__name__} is now grad_range.',
                DeprecationWarning,
                stacklevel=2,
            )
            kwargs['grad_range'] = kwargs.pop('surrogate')
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]


@surrogate_is_grad_range
def check_levels(D: int, norm: float | None, rounding: str, grad_range: str) -> float:
    """Check the settings of a neuron and return the divisor of its counts.

    Args:
        D: Number of levels (virtual time steps).
        norm: Divisor of the counts; ``None`` means ``D``.
        rounding: See :func:`integer_fire`.
        grad_range: See :func:`integer_fire`.

    Raises:
        ValueError: One of them is out of its range.
    """
    if not is_count(D):
        raise ValueError(f'D (the number of virtual steps) must be an integer >= 1, got {D!r}.')
    if norm is not None and not (is_number(norm) and norm > 0):
        raise ValueError(f'norm must be None (divide by D) or a number > 0, got {norm!r}.')
    if rounding not in ('half_even', 'half_up'):
        raise ValueError(f"rounding must be 'half_even' or 'half_up', got {rounding!r}.")
    if grad_range not in ('closed', 'open'):
        raise ValueError(f"grad_range must be 'closed' or 'open', got {grad_range!r}.")
    return D if norm is None else norm


def check_grad_mask(grad_mask: str | None) -> None:
    """Check which elements of a neuron pass a gradient.

    Args:
        grad_mask: None: as the surrogate says. ``'fired'``: no slope where nothing fires.
            ``'fired_cut'``: nor a gradient through what is kept for the next real time step.

    Raises:
        ValueError: It is none of these.
    """
    if grad_mask is not None and grad_mask not in get_args(GradMask):
        raise ValueError(f"grad_mask must be None, 'fired' or 'fired_cut', got {grad_mask!r}.")


def check_time(T: int, beta: float) -> None:
    """Check the settings of the temporal form.

    Args:
        T: Number of real time steps.
        beta: Share of the membrane potential that stays until the next step.

    Raises:
        ValueError: One of them is out of its range.
    """
    if not is_count(T):
        raise ValueError(f'T (the number of real time steps) must be an integer >= 1, got {T!r}.')
    if not is_number(beta, 0, 1):
        raise ValueError(f'beta (the membrane leak) must lie in [0, 1], got {beta!r}.')


def check_floating(x: Tensor) -> None:
    """Raise a TypeError for anything but real numbers."""
    if not x.is_floating_point():
        raise TypeError(
            f'A membrane potential must be a floating-point tensor, got {x.dtype}: '
            'convert it with x.float() first.'
        )


def check_batch(x: Tensor, T: int) -> None:
    """Raise a ValueError where T time steps do not fit into the batch axis."""
    if x.shape[0] % T:
        raise ValueError(
            f'The batch axis holds T*B samples, so its size must be a multiple of T={T}, '
            f'got {x.shape[0]}.'
        )

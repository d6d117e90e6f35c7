"""Surrogate derivatives of a binary spike: what stands for the slope of a step.

A step has no useful slope, so backward takes that of a smooth step of the same place. Sources:
Neftci et al., "Surrogate gradient learning in spiking neural networks",
https://arxiv.org/abs/1901.09948, and Fang et al., SpikingJelly, https://arxiv.org/abs/2310.16620,
whose parametrisation and defaults this is.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, pi
from typing import Literal, get_args

import torch
from torch import Tensor

SpikeSurrogate = Literal['atan', 'sigmoid', 'triangle', 'piecewise_quadratic', 'rectangle']


def _atan(u: Tensor, alpha: float) -> Tensor:
    return (u * (pi / 2 * alpha)).square_().add_(1).reciprocal_().mul_(alpha / 2)


def _sigmoid(u: Tensor, alpha: float) -> Tensor:
    rising = torch.sigmoid(u * alpha)
    return (1 - rising).mul_(rising).mul_(alpha)


def _triangle(u: Tensor, alpha: float) -> Tensor:
    return u.abs().mul_(-(alpha**2)).add_(alpha).clamp_(min=0)


def _rectangle(u: Tensor, alpha: float) -> Tensor:
    return (u.abs() < 0.5 / alpha).to(u.dtype).mul_(alpha)


# name -> derivative and default steepness; 'piecewise_quadratic' is SpikingJelly's 'triangle'
_SURROGATES: dict[str, tuple[Callable[[Tensor, float], Tensor], float]] = {
    'atan': (_atan, 2.0),
    'sigmoid': (_sigmoid, 4.0),
    'triangle': (_triangle, 1.0),
    'piecewise_quadratic': (_triangle, 1.0),
    'rectangle': (_rectangle, 1.0),
}


def check_surrogate(name: str, alpha: float | None) -> float:
    """Check the settings of a surrogate and return its steepness.

    Args:
        name: See :func:`surrogate_derivative`.
        alpha: Steepness; ``None`` takes the usual one of this surrogate.

    Raises:
        ValueError: The name is unknown or the steepness no number > 0.
    """
    if name not in _SURROGATES:
        raise ValueError(
            f'surrogate must be one of {", ".join(get_args(SpikeSurrogate))}, got {name!r}.'
        )
    if alpha is None:
        return _SURROGATES[name][1]
    number = isinstance(alpha, (int, float)) and not isinstance(alpha, bool)
    if not (number and 0 < alpha < inf):
        raise ValueError(
            f'alpha (the steepness of the surrogate) must be None or a number > 0, got {alpha!r}.'
        )
    return alpha


def surrogate_derivative(distance: Tensor, name: SpikeSurrogate, alpha: float) -> Tensor:
    r"""The slope that backward takes at a distance u from the threshold.

    - ``'atan'``: :math:`\alpha / 2 / (1 + (\pi \alpha u / 2)^2)`
    - ``'sigmoid'``: :math:`\alpha \sigma(\alpha u) (1 - \sigma(\alpha u))`
    - ``'triangle'`` or ``'piecewise_quadratic'``: :math:`\max(0, \alpha - \alpha^2 |u|)`
    - ``'rectangle'``: :math:`\alpha` where :math:`|u| < 1 / (2 \alpha)`, else 0

    The area under each of them is 1.

    Args:
        distance: Charge less threshold, any shape.
        name: Which one.
        alpha: Steepness; the larger, the narrower.

    Returns:
        Shape and dtype of ``distance``.
    """
    return _SURROGATES[name][0](distance, alpha)

"""Into spike times and out of them: pixels, poolings, scores, and what a spike time may be."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mmsfa.errors import UserError


class SpikeTimeError(UserError, ValueError):
    """Pixels, spike times or settings that no layer of spike times can take."""


def check_times(t: Tensor) -> None:
    """Check that a tensor holds spike times.

    Raises:
        SpikeTimeError: It is not of a floating type, or a time is negative or NaN.
    """
    if not t.is_floating_point():
        raise SpikeTimeError(
            f'Spike times must be of a floating type, which has inf for silent ones, got {t.dtype}.'
        )
    if not bool((t >= 0).all()):
        raise SpikeTimeError(
            f'Spike times must be 0 or later, and inf for silent ones, got {t.min().item():.4g}: '
            'make times of pixels with times_of_pixels; negative values are mostly potentials or '
            'normalised pixels.'
        )


def times_of_pixels(pixels: Tensor, t_max: float = 1.0) -> Tensor:
    """The input code: the stronger a pixel, the earlier its spike; t = t_max (1 - x).

    Args:
        pixels: Strengths in [0, 1], any shape. One of 0 is silent.
        t_max: Time of the weakest pixel that fires.

    Returns:
        Spike times in [0, t_max), and inf where silent. A gradient passes where a pixel fires.

    Raises:
        SpikeTimeError: A pixel is NaN or lies outside of [0, 1].
    """
    low, high = (value.item() for value in pixels.aminmax()) if pixels.numel() else (0.0, 0.0)
    if not (low >= 0 and high <= 1):
        raise SpikeTimeError(
            f'Pixels that become spike times must lie in [0, 1], got {low:.4g} to {high:.4g}: let '
            'the data preprocessor divide by the largest value (mean=[0, 0, 0], '
            'std=[255, 255, 255] for pictures of 8 bits), or give the network times (code=None).'
        )
    return torch.where(pixels > 0, t_max * (1 - pixels), torch.inf)


def times_of_activations(activations: Tensor) -> Tensor:
    """The code of a first layer that multiplies, in a window of length 1: t = 1 - clip(a, 0, 1).

    Args:
        activations: Outputs of an ordinary layer, any shape.

    Returns:
        Times in [0, 1), inf where an activation is not positive; the gradient passes strictly
        between 0 and 1 only.
    """
    return torch.where(activations > 0, 1 - activations.clamp(0, 1), torch.inf)


def earliest(t: Tensor, kernel_size: int = 2, stride: int | None = None) -> Tensor:
    """Pooling: the first spike of each window passes.

    Args:
        t: Spike times, shape (B, C, H, W).
        kernel_size: Size of the windows.
        stride: Of the windows; None takes their size.

    Returns:
        Spike times, shape (B, C, H', W'); inf where a whole window is silent.
    """
    pooled = -F.max_pool2d(-t, kernel_size, stride)
    return torch.where(pooled.isinf(), torch.inf, pooled)  # no gradient for silent ones


def first_spike_scores(t: Tensor, temperature: float, latest: float) -> Tensor:
    """Scores of classes by the race of their spikes: -t / temperature, the first one wins.

    Args:
        t: Spike times, any shape.
        temperature: What times are divided by.
        latest: Time at which silent classes count as arriving; they get no gradient.

    Returns:
        Scores of the shape of t, all finite; softmax makes probabilities of them.
    """
    return torch.where(t.isinf(), latest, t) / -temperature


def first_spike_loss(t: Tensor, labels: Tensor, temperature: float, latest: float) -> Tensor:
    """Cross-entropy of the race: the spike of the right class shall come before all others.

    Args:
        t: Spike times of the classes, shape (B, classes, ...).
        labels: Classes, int64, shape (B, ...).
        temperature: See `first_spike_scores`.
        latest: See `first_spike_scores`.

    Returns:
        The mean over all samples, a scalar. With silent neurons it is finite, too.
    """
    return F.cross_entropy(first_spike_scores(t, temperature, latest), labels)

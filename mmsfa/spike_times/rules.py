"""When a neuron fires: two rules that every layer of spike times takes."""

from __future__ import annotations

from math import inf, isfinite

import torch
from mmpretrain.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from .causal import check_threshold, first_spike_times
from .codes import SpikeTimeError, check_times


def check_inputs(t: Tensor, weight: Tensor, padding: int) -> None:
    """Check that times are times and fit the weight of a layer.

    Raises:
        SpikeTimeError: They do not.
    """
    if weight.dim() == 2:
        expected = f'(B, {weight.shape[1]})'
    else:
        side = weight.shape[-1] - 2 * padding
        expected = f'(B, {weight.shape[1]}, H, W) with H and W of at least {max(side, 1)}'
    small = weight.dim() == 4 and min(t.shape[2:], default=0) + 2 * padding < weight.shape[-1]
    if t.dim() != weight.dim() or t.shape[1] != weight.shape[1] or small:
        raise SpikeTimeError(
            f'This layer takes spike times of shape {expected}, got {tuple(t.shape)}.'
        )
    check_times(t)


def weighted_sum(x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    """A dense layer with a weight of two axes, a convolution with one of four."""
    if weight.dim() == 2:
        return F.linear(x, weight)
    return F.conv2d(x, weight, stride=stride, padding=padding)


class SpikeTimeRule:
    """Base of the rules: from times and weights to the times of the next layer.

    They have no parameters and are no modules: a layer is one, and so its work has one name.

    Attributes:
        latest: The time at which silent neurons count as arriving where a number is needed.
        weight_sum: Mean sum of the weights of a new neuron, so that it fires neither always at
            once nor never.
    """

    latest: float
    weight_sum: float

    def __call__(self, t: Tensor, weight: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
        """Spike times of the next layer; a weight of four axes is a convolution."""
        raise NotImplementedError(f'{type(self).__name__} must define __call__.')

    def strength(self, t: Tensor) -> Tensor:
        """What a weight of 1 adds to the potential at the end; 0 for silent inputs."""
        raise NotImplementedError(f'{type(self).__name__} must define strength.')

    def potential(self, t: Tensor, weight: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
        """The read-out of neurons that do not fire: their potential at the end."""
        check_inputs(t, weight, padding)
        return weighted_sum(self.strength(t), weight, stride, padding)


@MODELS.register_module()
class ReLPSP(SpikeTimeRule):
    """Ramp kernels and causal sets; one clock for the whole network.

    See `mmsfa.spike_times.causal` for the formula and the sources.

    Args:
        theta0: Threshold at time 0.
        beta: How fast it falls: 0 is ReL-PSP, above 0 our reading of STD-ED.
        t_max: A later neuron is silent; potentials are read at this time.
    """

    def __init__(self, theta0: float = 1.0, beta: float = 0.0, t_max: float = 4.0) -> None:
        check_threshold(theta0, beta, t_max)
        self.theta0, self.beta, self.t_max = theta0, beta, t_max
        self.latest = t_max
        self.weight_sum = 2 * theta0

    def __call__(self, t: Tensor, weight: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
        """Spike times of the next layer; what lies beyond the border is silent."""
        check_inputs(t, weight, padding)
        settings = self.theta0, self.beta, self.t_max
        if weight.dim() == 2:
            return first_spike_times(t, weight, *settings)
        kernel = int(weight.shape[-1])
        t = F.pad(t, (padding,) * 4, value=inf)
        size = [(side - kernel) // stride + 1 for side in t.shape[2:]]
        patches = F.unfold(t, kernel, stride=stride).transpose(1, 2)  # (B, places, inputs)
        found = first_spike_times(patches.flatten(0, 1), weight.flatten(1), *settings)
        return found.unflatten(0, patches.shape[:2]).transpose(1, 2).unflatten(2, size)

    def strength(self, t: Tensor) -> Tensor:
        """The ramp at t_max."""
        if not isfinite(self.t_max):
            raise SpikeTimeError(
                'Potentials are read at t_max, which is inf: set t_max of ReLPSP, or read the '
                "first spike (readout='first_spike')."
            )
        return (self.t_max - t).clamp(min=0)

    def __repr__(self) -> str:
        return f'ReLPSP(theta0={self.theta0}, beta={self.beta}, t_max={self.t_max})'


@MODELS.register_module()
class WindowTTFS(SpikeTimeRule):
    r"""A window of length 1 for each layer, which fires when all its inputs have come.

    With :math:`W = \sum w` and :math:`I = \sum w t` over the inputs that fire, and a threshold that
    falls from 1 to 0 during the window, the neuron fires at the start if :math:`W \ge 1 + I`, else
    at :math:`(2 + I) / (1 + W) - 1` if that lies in the window. That is `ReLPSP` with theta0 = 2
    and beta = 1 on [1, 2], without causal sets: two ordinary products and no sorting, so that it
    is the cheap rule. Times are those in the window of their layer.

    Source: DTA-TTFS (dynamic threshold), Wei et al., ICCV 2023; equal to the published code in
    float64, but for its clipping of gradients at 1e5.
    """

    latest = 1.0
    weight_sum = 0.0

    def __call__(self, t: Tensor, weight: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
        """Spike times of the next layer; only times inside of the window get a gradient."""
        check_inputs(t, weight, padding)
        fires = t.isfinite()
        w_sum = weighted_sum(fires.to(t.dtype), weight, stride, padding)
        wt_sum = weighted_sum(torch.where(fires, t, 0), weight, stride, padding)
        return window_times(w_sum, wt_sum)

    def strength(self, t: Tensor) -> Tensor:
        """The ramp at the end of the window of the read-out."""
        return torch.where(t.isfinite(), 2 - t, 0)

    def __repr__(self) -> str:
        return 'WindowTTFS()'


def window_times(w_sum: Tensor, wt_sum: Tensor) -> Tensor:
    """Spike times in the window from the sums over the inputs, see `WindowTTFS`.

    Args:
        w_sum: Sum of the weights of inputs that fire, any shape.
        wt_sum: Sum of weight times time, of the same shape.

    Returns:
        Times in [0, 1], inf where silent.
    """
    at_start = w_sum >= 1 + wt_sum
    slope = 1 + w_sum
    crosses = ~at_start & (slope > 0)
    # A safe denominator first: a mask behind a division by 0 leaves NaN in the gradient.
    t = (2 + wt_sum) / torch.where(crosses, slope, 1) - 1
    t = torch.where(t < 1, t, t.detach())
    t = torch.where(crosses & (t >= 0) & (t <= 1), t, inf)
    return torch.where(at_start, 0, t)

"""Signals as spikes of -1, 0 and +1: a base follows the signal, one threshold a spike."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Literal, NamedTuple

import numpy as np

from mmsfa.errors import OptionError

Array = np.ndarray
Grow = Literal['always', 'same_sign']


class SignalCode(NamedTuple):
    """What an encoder makes of a signal.

    Attributes:
        spikes: -1, 0 or +1, int8, shape (..., L); 0 at the first sample.
        start: The first sample, (...), all that a decoder needs besides the spikes.
        base: What the encoder believes the signal to be after each sample, float64, (..., L).
        theta: The threshold after each sample, float64, (..., L).
    """

    spikes: Array
    start: Array
    base: Array
    theta: Array


class AdaptiveThreshold(NamedTuple):
    r"""How the threshold follows the spikes, and nothing but the spikes.

    .. math:: \theta \leftarrow \min(\theta_{max}, a\,\theta) \text{ behind a spike}, \qquad
        \theta \leftarrow \max(\theta_{min}, b\,\theta) \text{ without one}

    Attributes:
        theta0: The first threshold, in units of the signal.
        grow_factor: a >= 1.
        decay: b, 0 < b <= 1; with a = b = 1 the threshold stays (step-forward coding).
        theta_min: Lower bound.
        theta_max: Upper bound.
        grow: ``'always'``, or ``'same_sign'``: only where the sample before has fired with the same
            sign, else it stays.
    """

    theta0: float = 0.1
    grow_factor: float = 1.5
    decay: float = 0.9
    theta_min: float = 0.02
    theta_max: float = 2.0
    grow: Grow = 'always'

    def checked(self) -> AdaptiveThreshold:
        """The settings themselves.

        Raises:
            OptionError: One of them is out of its range.
        """
        if not 0 < self.theta0 < inf:
            raise OptionError(f'theta0 (the first threshold) must be > 0, got {self.theta0!r}.')
        if not 0 <= self.theta_min <= self.theta0 <= self.theta_max:
            raise OptionError(
                f'theta0={self.theta0!r} must lie in theta_min..theta_max, got '
                f'{self.theta_min!r}..{self.theta_max!r}: change one of them.'
            )
        if not (1 <= self.grow_factor < inf and 0 < self.decay <= 1):
            raise OptionError(
                'grow_factor must be >= 1 and decay must lie in (0, 1], got '
                f'{self.grow_factor!r} and {self.decay!r}.'
            )
        if self.grow not in ('always', 'same_sign'):
            raise OptionError(f"grow must be 'always' or 'same_sign', got {self.grow!r}.")
        return self


USUAL = AdaptiveThreshold()


def fixed_threshold(threshold: float) -> AdaptiveThreshold:
    """A threshold that stays: step-forward coding, and the decoder of a moving window."""
    return AdaptiveThreshold(threshold, 1.0, 1.0, 0.0, inf).checked()


def _follow(
    start: Array, length: int, rule: AdaptiveThreshold, spike: Callable[[int, Array, Array], Array]
) -> SignalCode:
    """The recursion that encoder and decoder share: what differs is where a spike comes from."""
    rule = rule.checked()
    shape = (length, *start.shape)
    spikes, base, theta = np.zeros(shape, np.int8), np.empty(shape), np.empty(shape)
    if length:
        base[0], theta[0] = start, rule.theta0
    for t in range(1, length):
        before = theta[t - 1]
        now = spike(t, base[t - 1], before)
        base[t] = base[t - 1] + now * before
        grown = np.minimum(before * rule.grow_factor, rule.theta_max)
        if rule.grow == 'same_sign':
            grown = np.where(now == spikes[t - 1], grown, before)
        theta[t] = np.where(now != 0, grown, np.maximum(before * rule.decay, rule.theta_min))
        spikes[t] = now
    spikes, base, theta = (np.moveaxis(values, 0, -1) for values in (spikes, base, theta))
    return SignalCode(spikes, start, base, theta)


def tae_encode(signal: Array, rule: AdaptiveThreshold = USUAL) -> SignalCode:
    r"""Threshold-adaptive encoding: a spike where the signal leaves base +- threshold.

    .. math:: s_t = \mathrm{sign}(x_t - base) \,[\,|x_t - base| > \theta\,], \qquad
        base \leftarrow base + s_t \theta

    and then the threshold moves, see :class:`AdaptiveThreshold`. The first sample fires nothing: it
    is the start. The idea is that of https://arxiv.org/abs/2407.05310; update rule and constants
    are **a reconstruction of ours**, as adaptive delta modulation.

    Args:
        signal: Shape (..., L), each row by itself; computed in float64.
        rule: Of the threshold.

    Raises:
        OptionError: A setting is out of its range.
    """
    samples = np.moveaxis(np.asarray(signal, np.float64), -1, 0)

    def fire(t: int, base: Array, theta: Array) -> Array:
        error = samples[t] - base
        return np.sign(error) * (np.abs(error) > theta)

    start = samples[0] if len(samples) else np.empty(samples.shape[1:])
    return _follow(start, len(samples), rule, fire)


def tae_decode(spikes: Array, start: Array, rule: AdaptiveThreshold = USUAL) -> Array:
    """The signal that the spikes tell: what the encoder's base was, bit for bit.

    Args:
        spikes: -1, 0 or +1, shape (..., L).
        start: The first sample, shape (...).
        rule: That of the encoder.

    Returns:
        float64, shape (..., L).

    Raises:
        OptionError: A setting is out of its range.
    """
    given = np.moveaxis(np.asarray(spikes), -1, 0)
    first = np.asarray(start, np.float64)
    return _follow(first, len(given), rule, lambda t, base, theta: given[t]).base


def moving_window_encode(signal: Array, threshold: float, window: int) -> SignalCode:
    """Moving-window coding: a spike where a sample leaves the mean of those before it.

    The base comes from the signal and not from the spikes, so that a decoder (steps of one
    threshold) drifts away from it. Source: Petro et al., "Selection and Optimization of Temporal
    Spike Encoding Methods for Spiking Neural Networks", TNNLS 2020; there the mean includes
    the sample itself.

    Args:
        signal: Shape (..., L).
        threshold: In units of the signal.
        window: How many samples the mean takes, or as many as there are.

    Raises:
        OptionError: A setting is out of its range.
    """
    if isinstance(window, bool) or not isinstance(window, int) or window < 1:
        raise OptionError(f'window must be a number of samples >= 1, got {window!r}.')
    rule = fixed_threshold(threshold)
    samples = np.asarray(signal, np.float64)
    length = samples.shape[-1]
    sums = np.concatenate([np.zeros((*samples.shape[:-1], 1)), samples.cumsum(-1)], -1)
    ends = np.arange(length)
    starts = np.maximum(ends - window, 0)
    base = (sums[..., ends] - sums[..., starts]) / np.maximum(ends - starts, 1)
    base[..., :1] = samples[..., :1]
    error = samples - base
    spikes = (np.sign(error) * (np.abs(error) > threshold)).astype(np.int8)
    start = samples[..., 0] if length else np.empty(samples.shape[:-1])
    return SignalCode(spikes, start, base, np.full(samples.shape, rule.theta0))

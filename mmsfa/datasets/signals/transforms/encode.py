"""Signals become spikes, and spikes become signals again."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from mmsfa.datasets.signals.encoding import (
    AdaptiveThreshold,
    Grow,
    SignalCode,
    fixed_threshold,
    moving_window_encode,
    tae_decode,
    tae_encode,
)


class _Encode(BaseTransform):
    """Base of the encoders.

    Required keys: signal, (C, L).
    Added keys: spikes, int8, (C, L), -1, 0 or +1; spike_start, float64, (C,): the first samples,
    all that a decoder needs besides.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``spikes`` and ``spike_start``."""
        code = self.encode(results['signal'])
        results.update(spikes=code.spikes, spike_start=code.start)
        return results

    def encode(self, signal: np.ndarray) -> SignalCode:
        """The code of a signal (C, L)."""
        raise NotImplementedError(f'{type(self).__name__} must define encode.')


@TRANSFORMS.register_module()
class TAEEncode(_Encode):
    """Threshold-adaptive encoding, each channel by itself; a reconstruction of ours.

    See :func:`~mmsfa.datasets.signals.encoding.tae_encode`.

    Args:
        theta0: The first threshold, in units of the signal.
        grow_factor: Factor of the threshold behind a spike.
        decay: Factor of the threshold where there is none.
        theta_min: Lower bound.
        theta_max: Upper bound.
        grow: ``'always'`` or ``'same_sign'``.

    Required keys: signal, (C, L).
    Added keys: spikes, int8, (C, L); spike_start, (C,).

    Raises:
        OptionError: A setting is out of its range.
    """

    def __init__(
        self,
        theta0: float = 0.1,
        grow_factor: float = 1.5,
        decay: float = 0.9,
        theta_min: float = 0.02,
        theta_max: float = 2.0,
        grow: Grow = 'always',
    ) -> None:
        rule = AdaptiveThreshold(theta0, grow_factor, decay, theta_min, theta_max, grow)
        self.rule = rule.checked()

    def encode(self, signal: np.ndarray) -> SignalCode:
        """The code of a signal (C, L)."""
        return tae_encode(signal, self.rule)

    def __repr__(self) -> str:
        return f'{type(self).__name__}({_text(self.rule)})'


@TRANSFORMS.register_module()
class StepForwardEncode(_Encode):
    """Step-forward coding: a base follows the signal in steps of one threshold, which stays.

    Args:
        threshold: In units of the signal.

    Required keys: signal, (C, L).
    Added keys: spikes, int8, (C, L); spike_start, (C,).

    Raises:
        OptionError: The threshold is not > 0.
    """

    def __init__(self, threshold: float = 0.1) -> None:
        self.rule = fixed_threshold(threshold)

    def encode(self, signal: np.ndarray) -> SignalCode:
        """The code of a signal (C, L)."""
        return tae_encode(signal, self.rule)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(threshold={self.rule.theta0})'


@TRANSFORMS.register_module()
class MovingWindowEncode(_Encode):
    """Moving-window coding: a spike where a sample leaves the mean of those before it.

    Args:
        threshold: In units of the signal.
        window: Samples of the mean.

    Required keys: signal, (C, L).
    Added keys: spikes, int8, (C, L); spike_start, (C,).

    Raises:
        OptionError: A setting is out of its range.
    """

    def __init__(self, threshold: float = 0.1, window: int = 3) -> None:
        self.threshold, self.window = threshold, window
        moving_window_encode(np.zeros((1, 1)), threshold, window)  # refuses bad settings

    def encode(self, signal: np.ndarray) -> SignalCode:
        """The code of a signal (C, L)."""
        return moving_window_encode(signal, self.threshold, self.window)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(threshold={self.threshold}, window={self.window})'


@TRANSFORMS.register_module()
class TAEDecode(BaseTransform):
    """The signal that the spikes tell; it sees nothing but them and the first sample.

    Its settings must be those of the encoder. ``grow_factor=1, decay=1`` decode step-forward and
    moving-window spikes with ``theta0`` as their threshold.

    Args:
        **settings: Those of `TAEEncode`.

    Required keys: spikes, spike_start. Added keys: decoded, float64, (C, L).

    Raises:
        OptionError: A setting is out of its range.
    """

    def __init__(self, **settings: Any) -> None:
        self.rule = AdaptiveThreshold(**settings).checked()

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``decoded``."""
        results['decoded'] = tae_decode(results['spikes'], results['spike_start'], self.rule)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}({_text(self.rule)})'


def _text(rule: AdaptiveThreshold) -> str:
    return ', '.join(f'{name}={value!r}' for name, value in rule._asdict().items())

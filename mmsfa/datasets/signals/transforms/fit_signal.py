"""Length, centre and size of signals."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from mmsfa.errors import OptionError


@TRANSFORMS.register_module()
class CropOrPadSignal(BaseTransform):
    """Give every signal the same length: cut the ends off, or add to them.

    A signal repeats its first and last sample; spikes are followed by silence.

    Args:
        length: Samples afterwards.
        jitter: Largest random shift in samples; 0 keeps the signal in the middle. The network sees
            a word a little earlier or later.
        key: ``'signal'``, or ``'spikes'`` of an encoder.

    Required keys: signal or spikes. Modified keys: the same, (C, length).

    Raises:
        OptionError: A setting is out of its range.
    """

    def __init__(self, length: int, jitter: int = 0, key: str = 'signal') -> None:
        if not isinstance(length, int) or length < 1 or not isinstance(jitter, int) or jitter < 0:
            raise OptionError(
                f'length must be an integer >= 1 and jitter one >= 0, got {length!r}, {jitter!r}.'
            )
        if key not in ('signal', 'spikes'):
            raise OptionError(f"key must be 'signal' or 'spikes', got {key!r}.")
        self.length, self.jitter, self.key = length, jitter, key

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop or pad."""
        signal = results[self.key]
        start = (signal.shape[1] - self.length) // 2
        if self.jitter:
            start += np.random.randint(-self.jitter, self.jitter + 1)
        places = np.arange(start, start + self.length)
        inside = places.clip(0, signal.shape[1] - 1)
        fitted = signal[:, inside]
        results[self.key] = fitted * (places == inside) if self.key == 'spikes' else fitted
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(length={self.length}, jitter={self.jitter}, key={self.key!r})'
        )


@TRANSFORMS.register_module()
class ScaleSignal(BaseTransform):
    """Bring a signal into a range in which one threshold suits all channels.

    Args:
        center: What is taken away: ``'median'`` or ``'mean'`` of each channel, or None.
        scale: What it is divided by: a number in units of the signal, or ``'std'``, that of all
            channels together. A number keeps the sizes of signals comparable.
        clip: Largest absolute value afterwards; None keeps all.
        gain: A random factor in 1 / gain..gain, drawn for each signal; 1 has none.

    Required keys: signal. Modified keys: signal.

    Raises:
        OptionError: A setting is out of its range.
    """

    def __init__(
        self,
        center: str | None = 'median',
        scale: float | str = 'std',
        clip: float | None = None,
        gain: float = 1.0,
    ) -> None:
        if center not in ('median', 'mean', None):
            raise OptionError(f"center must be 'median', 'mean' or None, got {center!r}.")
        if scale != 'std' and not (isinstance(scale, (int, float)) and scale > 0):
            raise OptionError(f"scale must be 'std' or a number > 0, got {scale!r}.")
        if not gain >= 1 or not (clip is None or clip > 0):
            raise OptionError(f'gain must be >= 1 and clip > 0 or None, got {gain!r}, {clip!r}.')
        self.center, self.scale, self.clip, self.gain = center, scale, clip, gain

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Scale."""
        signal = results['signal']
        if self.center is not None:
            signal = signal - getattr(np, self.center)(signal, axis=1, keepdims=True)
        size = float(signal.std()) if isinstance(self.scale, str) else self.scale
        if self.gain > 1:
            size *= self.gain ** np.random.uniform(-1, 1)
        signal = signal / (size or 1.0)  # a silent recording stays silent
        if self.clip is not None:
            signal = signal.clip(-self.clip, self.clip)
        results['signal'] = signal.astype(np.float32)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(center={self.center!r}, scale={self.scale!r}, '
            f'clip={self.clip}, gain={self.gain})'
        )

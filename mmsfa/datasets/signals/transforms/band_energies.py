"""Energies of frequency bands over time: what the ear hands on of a sound."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from mmsfa.errors import OptionError

Array = np.ndarray


@lru_cache(maxsize=8)
def mel_filters(bands: int, window: int, rate: float, lowest: float) -> Array:
    """Triangles that are evenly spaced on the mel scale, 2595 log10(1 + f / 700).

    Args:
        bands: How many.
        window: Samples of a spectrum.
        rate: Samples a second.
        lowest: Lower end of the first band in Hz; the last one ends at half the rate.

    Returns:
        Weights, (window // 2 + 1, bands).
    """
    first, last = (2595 * np.log10(1 + end / 700) for end in (lowest, rate / 2))
    edges = 700 * (10 ** (np.linspace(first, last, bands + 2) / 2595) - 1)
    left, top, right = edges[:-2], edges[1:-1], edges[2:]
    frequency = np.fft.rfftfreq(window, 1 / rate)[:, None]
    rising, falling = (frequency - left) / (top - left), (right - frequency) / (right - top)
    return np.minimum(rising, falling).clip(0)


@TRANSFORMS.register_module()
class BandEnergies(BaseTransform):
    """Turn a sound into the logarithmic energies of its bands, one sample each ``hop``.

    Args:
        bands: How many, evenly spaced on the mel scale.
        window: Samples of a spectrum, weighted with a Hann window.
        hop: Samples between spectra.
        rate: Samples a second of the sound; None asks the file.
        lowest: Lower end of the first band in Hz.
        floor: Energy below which nothing is heard, as a share of the mean energy of the sound.

    Required keys: signal, (C, L); rate.
    Modified keys: signal, float32, (C * bands, L // hop + 1); rate.

    Raises:
        OptionError: A setting is out of its range, or the rate is not known.
    """

    def __init__(
        self,
        bands: int = 32,
        window: int = 256,
        hop: int = 80,
        rate: float | None = None,
        lowest: float = 60.0,
        floor: float = 1e-3,
    ) -> None:
        if not (bands >= 1 and window >= 2 and hop >= 1 and lowest >= 0 and floor > 0):
            raise OptionError(
                'BandEnergies takes bands >= 1, window >= 2, hop >= 1, lowest >= 0 and floor > 0, '
                f'got {bands!r}, {window!r}, {hop!r}, {lowest!r} and {floor!r}.'
            )
        self.bands, self.window, self.hop = bands, window, hop
        self.rate, self.lowest, self.floor = rate, lowest, floor

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Filter."""
        rate = self.rate or results.get('rate')
        if rate is None:
            raise OptionError(
                f'{results.get("img_path", "The signal")} does not tell its samples a second: set '
                'rate of BandEnergies.'
            )
        half = self.window // 2
        padded = np.pad(results['signal'], ((0, 0), (half, half)))
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.window, -1)[:, :: self.hop]
        power = np.abs(np.fft.rfft(frames * np.hanning(self.window))) ** 2
        energy = power @ mel_filters(self.bands, self.window, rate, self.lowest)
        quiet = self.floor * energy.mean() + np.finfo(np.float32).tiny
        energy = np.log(energy + quiet).transpose(0, 2, 1).astype(np.float32)
        results.update(signal=energy.reshape(-1, energy.shape[-1]), rate=rate / self.hop)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(bands={self.bands}, window={self.window}, hop={self.hop}, '
            f'rate={self.rate}, lowest={self.lowest}, floor={self.floor})'
        )

"""Bands of a sound."""

from __future__ import annotations

import numpy as np
import pytest

from mmsfa.datasets.signals.transforms.band_energies import mel_filters
from mmsfa.errors import OptionError

RATE = 8000


def tone(frequency: float) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(2000) / RATE)[None]


def test_a_tone_is_loudest_in_its_band_whatever_its_size(build) -> None:
    bands = build('BandEnergies', bands=20)
    found = [bands(dict(signal=tone(f), rate=RATE))['signal'] for f in (300, 1000, 3000)]
    assert found[0].shape == (20, 2000 // 80 + 1) and found[0].dtype == np.float32
    loudest = [energy.mean(1).argmax() for energy in found]
    assert loudest == sorted(set(loudest))
    soft = bands(dict(signal=tone(1000) / 8, rate=RATE))['signal']
    assert np.allclose(found[1] - soft, np.log(64), atol=1e-3)


def test_filters_are_triangles_of_height_one_that_meet() -> None:
    weights = mel_filters(8, 2048, RATE, 60.0)
    assert weights.shape == (1025, 8) and weights.min() == 0 and 0.9 < weights.max() <= 1
    inside = weights.argmax(0)
    assert np.allclose(weights[inside[0] + 1 : inside[-1]].sum(1), 1)  # one rises as another falls


def test_two_channels_follow_each_other_and_the_rate_falls(build) -> None:
    sample = dict(signal=np.concatenate([tone(300), tone(3000)]), rate=RATE)
    results = build('BandEnergies', bands=6, hop=100)(sample)
    assert results['signal'].shape == (12, 21) and results['rate'] == 80


def test_silence_stays_finite(build) -> None:
    energy = build('BandEnergies')(dict(signal=np.zeros((1, 500)), rate=RATE))['signal']
    assert np.isfinite(energy).all()


def test_what_it_cannot_do_is_refused(build) -> None:
    with pytest.raises(OptionError, match='takes bands >= 1'):
        build('BandEnergies', bands=0)
    with pytest.raises(OptionError, match=r'a\.npy does not tell .* set rate'):
        build('BandEnergies')(dict(signal=tone(300), rate=None, img_path='a.npy'))

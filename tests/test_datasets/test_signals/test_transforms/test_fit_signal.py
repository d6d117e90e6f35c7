"""Length, centre and size."""

from __future__ import annotations

import numpy as np
import pytest

from mmsfa.errors import OptionError


def test_long_signals_are_cut_and_short_ones_repeat_their_ends(build) -> None:
    crop = build('CropOrPadSignal', length=4)
    assert crop(dict(signal=np.arange(8.0)[None]))['signal'].tolist() == [[2, 3, 4, 5]]
    assert crop(dict(signal=np.arange(2.0)[None]))['signal'].tolist() == [[0, 0, 1, 1]]


def test_silence_follows_spikes(build) -> None:
    spikes = np.array([[1, -1]], np.int8)
    fitted = build('CropOrPadSignal', length=5, key='spikes')(dict(spikes=spikes))['spikes']
    assert fitted.tolist() == [[0, 0, 1, -1, 0]] and fitted.dtype == np.int8


def test_jitter_shifts_by_no_more_than_asked(build) -> None:
    crop = build('CropOrPadSignal', length=4, jitter=2)
    starts = {float(crop(dict(signal=np.arange(8.0)[None]))['signal'][0, 0]) for _ in range(60)}
    assert starts == {0, 1, 2, 3, 4}


def test_scale(build) -> None:
    signal = np.array([[1, 2, 3, 100], [4, 4, 4, 4]], np.float32)
    scaled = build('ScaleSignal', scale=2.0, clip=5.0)(dict(signal=signal))['signal']
    assert scaled.tolist() == [[-0.75, -0.25, 0.25, 5], [0, 0, 0, 0]]
    scaled = build('ScaleSignal', center='mean')(dict(signal=signal))['signal']
    assert scaled.std() == pytest.approx(signal.std(), rel=1) and scaled.dtype == np.float32
    assert not build('ScaleSignal')(dict(signal=signal[1:]))['signal'].any()  # nothing to scale by


def test_gain_is_drawn_anew_within_its_range(build) -> None:
    scale = build('ScaleSignal', center=None, scale=1.0, gain=2.0)
    found = [float(scale(dict(signal=np.ones((1, 3))))['signal'][0, 0]) for _ in range(50)]
    assert 0.5 <= min(found) < 0.7 and 1.4 < max(found) <= 2


@pytest.mark.parametrize(('kind', 'settings', 'words'), [
    ('CropOrPadSignal', dict(length=0), 'length'),
    ('CropOrPadSignal', dict(length=4, jitter=-1), 'jitter'),
    ('CropOrPadSignal', dict(length=4, key='img'), 'key'),
    ('ScaleSignal', dict(center='mode'), "center must be 'median'"),
    ('ScaleSignal', dict(scale=0), 'scale'),
    ('ScaleSignal', dict(gain=0.5), 'gain'),
    ('ScaleSignal', dict(clip=0), 'clip'),
])  # fmt: skip
def test_settings_out_of_range_are_refused(build, kind: str, settings: dict, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        build(kind, **settings)

"""Encoders and the decoder as steps of a pipeline."""

from __future__ import annotations

import numpy as np
import pytest

from mmsfa.errors import OptionError

SIGNAL = np.sin(np.arange(300) / 10).reshape(1, -1) * np.array([[1.0], [2.0]])


@pytest.mark.parametrize(('kind', 'settings', 'decoder'), [
    ('TAEEncode', dict(theta0=0.1, decay=0.8), dict(theta0=0.1, decay=0.8)),
    ('StepForwardEncode', dict(threshold=0.25),
     dict(theta0=0.25, grow_factor=1, decay=1)),
])  # fmt: skip
def test_the_decoder_follows_on_spikes_and_start_alone(build, kind, settings, decoder) -> None:
    results = build(kind, **settings)(dict(signal=SIGNAL))
    assert results['spikes'].dtype == np.int8 and results['spikes'].shape == SIGNAL.shape
    seen = dict(spikes=results['spikes'], spike_start=results['spike_start'])
    decoded = build('TAEDecode', **decoder)(seen)['decoded']
    assert np.abs(decoded - SIGNAL).mean() < 0.2


def test_a_moving_window_fires_on_changes(build) -> None:
    results = build('MovingWindowEncode', threshold=0.25, window=5)(dict(signal=SIGNAL))
    spikes = results['spikes']
    assert not spikes[:, 0].any() and (spikes[:, 1:10] >= 0).all() and (spikes[:, 20:40] <= 0).all()
    assert np.abs(spikes[1]).sum() > np.abs(spikes[0]).sum() > 0


@pytest.mark.parametrize(('kind', 'settings', 'words'), [
    ('TAEEncode', dict(theta0=0.01), 'theta_min'),
    ('TAEDecode', dict(decay=2), 'decay'),
    ('StepForwardEncode', dict(threshold=0), 'theta0'),
    ('MovingWindowEncode', dict(window=0), 'window'),
])  # fmt: skip
def test_settings_out_of_range_are_refused(build, kind: str, settings: dict, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        build(kind, **settings)

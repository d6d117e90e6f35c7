"""Spike codes of signals: the decoder knows what the encoder believes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmsfa.datasets.signals.encoding import (
    AdaptiveThreshold,
    fixed_threshold,
    moving_window_encode,
    tae_decode,
    tae_encode,
)
from mmsfa.errors import OptionError
from tests.helpers.seeds import seeds

TIME = np.arange(2000) / 2000
CASES = ('default', 'slow_decay', 'same_sign', 'fixed_is_step_forward')


@pytest.mark.parametrize('name', CASES)
def test_parity(name: str, shared_dir: Path) -> None:
    def encode(inputs: dict[str, Any], config: dict[str, Any], state: None) -> dict[str, Any]:
        rule = AdaptiveThreshold(**config)
        code = tae_encode(inputs['x'], rule)
        return dict(
            spikes=code.spikes,
            base=code.base,
            theta=code.theta,
            decoded=tae_decode(code.spikes, code.start, rule),
            rate=np.abs(code.spikes[:, 1:]).mean(),  # the first sample cannot fire
        )

    seeds(shared_dir).Case(f'tae/{name}').check(encode)


def test_every_case_is_tried(shared_dir: Path) -> None:
    assert set(seeds(shared_dir).names('tae/')) == {f'tae/{name}' for name in CASES}


@pytest.mark.parametrize('grow', ['always', 'same_sign'])
def test_spikes_and_start_tell_the_base_to_the_bit(grow) -> None:
    rule = AdaptiveThreshold(0.07, 1.3, 0.85, 0.01, 1.0, grow)
    signal = np.random.default_rng(0).normal(size=(2, 3, 500)).cumsum(-1)
    code = tae_encode(signal, rule)
    assert code.spikes.dtype == np.int8 and set(np.unique(code.spikes)) == {-1, 0, 1}
    assert (tae_decode(code.spikes, code.start, rule) == code.base).all()
    single = tae_encode(signal[1, 2], rule)  # each row by itself
    assert (single.spikes == code.spikes[1, 2]).all()


def test_constant_negative_scaled_and_lifted_signals() -> None:
    rule = AdaptiveThreshold(0.125, 1.5, 0.875, 2**-6, 2.0)
    signal = np.random.default_rng(1).integers(-64, 64, 400).cumsum() / 64
    spikes = tae_encode(signal, rule).spikes
    assert not tae_encode(np.full(50, 3.0), rule).spikes.any()
    assert (tae_encode(-signal, rule).spikes == -spikes).all()
    assert (tae_encode(signal + 8, rule).spikes == spikes).all()
    wide = AdaptiveThreshold(0.5, 1.5, 0.875, 2**-4, 8.0)
    assert (tae_encode(4 * signal, wide).spikes == spikes).all()


def test_a_slow_signal_is_followed_within_two_thresholds() -> None:
    code = tae_encode(np.sin(2 * np.pi * 2 * TIME), AdaptiveThreshold(0.05))
    error = np.abs(code.base - np.sin(2 * np.pi * 2 * TIME))
    assert (error <= 2 * code.theta).all()


def snr(signal: np.ndarray, rule: AdaptiveThreshold) -> float:
    error = signal - tae_encode(signal, rule).base
    return float(10 * np.log10(signal.var() / np.square(error).mean()))


def test_one_rule_suits_soft_and_loud_signals_a_fixed_threshold_does_not() -> None:
    sine = np.sin(2 * np.pi * 6 * TIME)[:1000]
    sizes = (0.25, 1.0, 4.0, 16.0)
    rule = AdaptiveThreshold(0.02, 1.5, 0.9, 0.005, 4.0)
    adaptive = [snr(size * sine, rule) for size in sizes]
    fixed = [snr(size * sine, fixed_threshold(0.02)) for size in sizes]
    assert min(adaptive) > 20 and min(fixed) < 10
    assert fixed[1] > adaptive[1]  # for the size that it was chosen for the fixed one is better


def test_a_moving_window_compares_with_the_samples_before() -> None:
    signal = np.array([0, 0, 1, 1, 1, 1, 0.0])
    code = moving_window_encode(signal, 0.4, 2)
    assert code.spikes.tolist() == [0, 0, 1, 1, 0, 0, -1]
    assert code.base.tolist() == [0, 0, 0, 0.5, 1, 1, 1]
    decoded = tae_decode(code.spikes, code.start, fixed_threshold(0.4))
    assert np.allclose(decoded, [0, 0, 0.4, 0.8, 0.8, 0.8, 0.4])


def test_an_empty_signal_has_an_empty_code() -> None:
    for code in (tae_encode(np.zeros((3, 0))), moving_window_encode(np.zeros((3, 0)), 0.1, 2)):
        assert code.spikes.shape == code.base.shape == (3, 0)


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(theta0=0.0), 'theta0'),
    (dict(theta0=0.01), 'theta_min..theta_max'),
    (dict(grow_factor=0.9), 'grow_factor'),
    (dict(decay=0), 'grow_factor must be >= 1 and decay'),
    (dict(grow='never'), "grow must be 'always'"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        tae_encode(np.zeros(3), AdaptiveThreshold(**settings))


def test_a_window_of_nothing_is_refused() -> None:
    with pytest.raises(OptionError, match='window .* got 0'):
        moving_window_encode(np.zeros(3), 0.1, 0)
    with pytest.raises(OptionError, match='theta0'):
        moving_window_encode(np.zeros(3), -0.1, 2)

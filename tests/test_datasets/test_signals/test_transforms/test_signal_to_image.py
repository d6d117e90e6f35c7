"""Signals as pictures of one row."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmsfa.errors import OptionError
from mmsfa.neurons.real_time import time_to_batch

SPIKES = np.array([[0, 1, -1, 0, 1, 1], [1, 0, 0, -1, 0, 0]], np.int8)


def test_a_step_holds_the_next_samples(build) -> None:
    img = build('SignalToImage', T=3)(dict(spikes=SPIKES))['img']
    assert img.shape == (1, 2, 6) and img.dtype == np.float32
    x = torch.from_numpy(img).permute(2, 0, 1)[None]  # as PackInputs and the collation give it
    steps = time_to_batch(x, 3, 2)
    assert steps.shape == (3, 2, 1, 2)
    joined = steps.permute(1, 0, 2, 3).reshape(2, 6)
    assert (joined.numpy() == SPIKES).all()


def test_phases_share_a_place_and_follow_each_other_in_time(build) -> None:
    img = build('SignalToImage', T=3, order='phases')(dict(spikes=SPIKES))['img']
    steps = img.reshape(2, 3, 2)  # place, step, channel
    for place in range(2):
        for t in range(3):
            assert (steps[place, t] == SPIKES[:, 3 * place + t]).all()


def test_polarities_apart(build) -> None:
    img = build('SignalToImage', T=3, split_polarity=True)(dict(spikes=SPIKES))['img']
    assert img.shape == (1, 2, 12) and set(np.unique(img)) == {0, 1}
    whole = build('SignalToImage', T=3)(dict(spikes=SPIKES))['img'].reshape(1, 2, 3, 2)
    halves = img.reshape(1, 2, 3, 2, 2)  # OFF before ON
    assert (halves[..., 1, :] - halves[..., 0, :] == whole).all()


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(T=0), 'T .* got 0'),
    (dict(key='img'), "'spikes' or 'signal'"),
    (dict(order='time'), "'pieces' or 'phases'"),
    (dict(T=4), 'T=4 does not divide the 6 samples'),
    (dict(key='signal'), 'found no signal: put LoadSignal'),
])  # fmt: skip
def test_what_does_not_fit_is_refused(build, settings: dict, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        build('SignalToImage', **settings)(dict(spikes=SPIKES))

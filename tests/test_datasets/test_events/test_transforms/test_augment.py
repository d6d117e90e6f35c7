"""Polarity, time and place of events, changed at random."""

from __future__ import annotations

import numpy as np
import pytest

from mmsfa.datasets.events import make_events


def test_polarity_and_time(build, sample: dict) -> None:
    before = sample['events'].copy()
    flipped = build('EventPolarityFlip', prob=1)(dict(sample))['events']
    assert (flipped['p'] == 1 - before['p']).all() and (flipped['t'] == before['t']).all()
    reverse = build('EventTimeReverse', prob=1)
    backwards = reverse(dict(sample))['events']
    assert (backwards['x'] == before['x'][::-1]).all()
    assert (np.diff(backwards['t']) == np.diff(before['t'])[::-1]).all()
    assert (reverse(dict(events=backwards))['events'] == before).all()
    jittered = build('EventTimeJitter', std=500)(dict(sample))['events']
    assert (np.diff(jittered['t']) >= 0).all()
    assert 300 < np.abs(jittered['t'] - before['t']).max() < 5000
    assert sorted(jittered['x']) == sorted(before['x'])
    assert (sample['events'] == before).all()  # nothing was changed in place


@pytest.mark.parametrize('kind', ['EventPolarityFlip', 'EventTimeReverse'])
def test_a_probability_of_zero_changes_nothing(build, sample: dict, kind: str) -> None:
    assert build(kind, prob=0)(dict(sample))['events'] is sample['events']


@pytest.mark.parametrize('kind', ['EventTimeReverse', 'EventTimeJitter'])
def test_augmentations_bear_a_recording_without_events(build, kind: str) -> None:
    none = make_events(*np.zeros((4, 0), int))
    for _ in range(8):
        assert not len(build(kind)(dict(events=none, img_shape=(34, 34)))['events'])


def test_roll_is_for_classification_only(build, still: dict) -> None:
    sample = still | dict(gt_seg_map=np.zeros((40, 48)))
    with pytest.raises(ValueError, match='gt_seg_map.*RandomCrop'):
        build('RandomRoll', max_shift=2)(sample)


def test_roll_goes_round_the_edge(build, sample: dict) -> None:
    img = build('EventsToImage', T=8)(sample)['img']
    rolled = build('RandomRoll', max_shift=5)(dict(img=img))['img']
    shifts = [
        (down, right)
        for down in range(-5, 6)
        for right in range(-5, 6)
        if (np.roll(img, (down, right), (0, 1)) == rolled).all()
    ]
    assert len(shifts) == 1 and shifts != [(0, 0)]
    never = build('RandomRoll', max_shift=5, prob=0)
    assert never(dict(img=img))['img'] is img

"""What EventDrop leaves out."""

from __future__ import annotations

import numpy as np
import pytest

from mmsfa.datasets.events import make_events


def test_event_drop_by_time_leaves_a_gap(build, sample: dict) -> None:
    before = sample['events']
    after = build('EventDrop', prob=(1, 0, 0), time_ratio=(0.5, 0.5))(sample)['events']
    gap = np.diff(after['t'], prepend=before['t'][0], append=before['t'][-1]).max()
    duration = before['t'][-1] - before['t'][0]
    assert 0.5 * duration <= gap < 0.55 * duration
    assert set(after.tolist()) < set(before.tolist())


def test_event_drop_by_area_empties_a_rectangle(build, sample: dict) -> None:
    before = build('EventsToImage', T=1)(dict(sample))['img'].sum(-1)
    dropped = build('EventDrop', prob=(0, 1, 0), area_ratio=(0.25, 0.25))(sample)
    after = build('EventsToImage', T=1)(dropped)['img'].sum(-1)
    rows, columns = np.nonzero(before != after)
    assert len(rows) and (after[rows, columns] == 0).all()
    inside = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert not after[inside].any() and max(before[inside].shape) <= 9


def test_event_drop_by_point_takes_a_share_everywhere(build, sample: dict) -> None:
    before = sample['events']
    after = build('EventDrop', prob=(0, 0, 1), point_ratio=(0.5, 0.5))(sample)['events']
    assert 0.45 < len(after) / len(before) < 0.55
    for half in (after['t'] < np.median(before['t'])), (after['x'] < np.median(before['x'])):
        assert 0.4 < half.mean() < 0.6


def test_event_drop_may_drop_nothing(build, sample: dict) -> None:
    drop, before = build('EventDrop'), sample['events']
    unchanged = sum(drop(dict(sample))['events'] is before for _ in range(200))
    assert 30 < unchanged < 70  # one in four


@pytest.mark.parametrize('kind', ['EventDrop'])
def test_augmentations_bear_a_recording_without_events(build, kind: str) -> None:
    none = make_events(*np.zeros((4, 0), int))
    for _ in range(8):
        assert not len(build(kind)(dict(events=none, img_shape=(34, 34)))['events'])


@pytest.mark.parametrize(('kind', 'settings', 'words'), [
    ('EventDrop', dict(prob=(0.5, 0.5, 0.5)), 'at most 1'),
    ('EventDrop', dict(area_ratio=(0.5, 2)), r'area_ratio .* got \(0.5, 2\)'),
])  # fmt: skip
def test_settings_out_of_range_are_refused(build, kind: str, settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(kind, **settings)

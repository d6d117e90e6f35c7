"""First events: how early, and only the first."""

from __future__ import annotations

import numpy as np
import pytest

from mmsfa.datasets.events import FirstEvents, make_events


def test_the_first_event_of_each_pixel_counts() -> None:
    t = [10, 35, 60, 85, 110]
    events = make_events(t, x=[0, 1, 1, 2, 0], y=[0, 0, 0, 1, 0], p=[0, 1, 1, 0, 1])
    results = dict(events=events, img_shape=(2, 3))
    image = FirstEvents(duration=50)(dict(results))['img']
    assert image.shape == (2, 3, 2) and image.dtype == np.float32
    assert image[0, 0].tolist() == [1, 0] and image[0, 1].tolist() == [0, 0.5]
    assert np.count_nonzero(image) == 2  # later than the window: none
    whole = FirstEvents()(dict(results))['img']
    assert whole[1, 2, 0] == 0.25 and np.count_nonzero(whole) == 3


def test_no_events_make_a_black_picture() -> None:
    none = make_events([], x=[], y=[], p=[])
    assert not FirstEvents()(dict(events=none, img_shape=(2, 3)))['img'].any()


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match='got 0'):
        FirstEvents(duration=0)
    assert repr(FirstEvents()) == 'FirstEvents(duration=None)'

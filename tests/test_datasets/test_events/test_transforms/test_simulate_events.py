"""Events of a moving picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmsfa.datasets.events.transforms.simulate_events import (
    frames_to_adaptive_events,
    frames_to_events,
)
from mmsfa.datasets.signals.encoding import AdaptiveThreshold


def test_events_count_thresholds_and_remember_the_rest() -> None:
    frames = np.array([0.0, 0.5, 1.3, 1.3, -0.2])[:, None, None]
    counts = frames_to_events(frames, threshold=0.4)[0, 0]  # levels 0, .4, 1.2, 1.2, 0
    assert counts.tolist() == [0, 1, 0, 2, 0, 0, 3, 0]


def test_a_bright_disc_moves_with_on_events_in_front(build, shapes_dir: Path) -> None:
    picture = np.full((65, 65, 3), 40, np.uint8)
    cv2.circle(picture, (32, 32), 12, (200, 200, 200), -1)
    img = build('SimulateEvents', T=1, speed=4.0, direction=np.pi)(dict(img=picture))['img']
    assert img.shape == (65, 65, 2)
    columns = np.arange(65)[None, :, None] * img
    off, on = columns.sum((0, 1)) / img.sum((0, 1))
    assert abs(on - off) > 12  # on one side it becomes brighter, on the other darker
    assert not img[30:35, 26:39].any() and not img[:10].any()


def test_all_contours_are_seen_and_the_labels_stay(build, shapes_dir: Path) -> None:
    picture = cv2.imread(str(min(shapes_dir.glob('images/training/*.png'))))
    sample = dict(img=picture, gt_bboxes='boxes', img_shape=(128, 128))
    simulate = build('SimulateEvents', T=4, direction=0.5)
    results = simulate(dict(sample))
    assert results['img'].shape == (128, 128, 8) and results['img'].dtype == np.float32
    assert results['gt_bboxes'] == 'boxes' and results['img_shape'] == (128, 128)
    assert (results['img'].reshape(-1, 8).sum(0) > 100).all()
    assert (simulate(dict(sample))['img'] == results['img']).all()
    other = build('SimulateEvents', T=4)(dict(sample))['img']
    assert (other != results['img']).any()


def test_an_adaptive_pixel_fires_once_a_step_and_then_needs_a_larger_change() -> None:
    frames = np.array([0.0, 0.5, 1.0, 1.0, 0.0])[:, None, None]
    rule = AdaptiveThreshold(0.4, 1.5, 0.9, 0.1, 4.0)  # levels 0, .4, then 1.0 at .6: no more
    events = frames_to_adaptive_events(frames, rule)[0, 0]
    assert events.tolist() == [0, 1, 0, 0, 0, 1, 1, 0]


def test_tae_sees_moving_edges_and_a_reversed_motion_swaps_the_polarities(build) -> None:
    picture = np.full((64, 64, 3), 40, np.uint8)
    picture[20:44, 20:44] = 200
    img = build('SimulateEvents', T=3, speed=3.0, method='tae')(dict(img=picture))['img']
    assert img.shape == (64, 64, 6) and set(np.unique(img)) == {0, 1}
    assert not img[:12].any() and not img[28:36, 28:36].any() and img.sum() > 100
    frames = np.log(np.stack([np.roll(picture[..., 0], s, 1) for s in (0, 3)]) / 255 + 0.05)
    rule = AdaptiveThreshold(0.2, 1.5, 0.9, 0.04, 2.0)
    there, back = (frames_to_adaptive_events(one, rule) for one in (frames, frames[::-1]))
    assert there[:, :32].sum((0, 1)).tolist() == [24 * 3, 0]  # OFF behind, ON in front
    assert there[:, 32:].sum((0, 1)).tolist() == [0, 24 * 3]
    assert (back == there[..., ::-1]).all()


@pytest.mark.parametrize(('kind', 'settings', 'words'), [
    ('SimulateEvents', dict(T=0), 'T .* got 0'),
    ('SimulateEvents', dict(speed=0), 'speed and threshold'),
    ('SimulateEvents', dict(method='TAE'), "'esim' or 'tae'"),
    ('SimulateEvents', dict(tae=dict(decay=0.5)), "needs method='tae'"),
    ('SimulateEvents', dict(method='tae', tae=dict(decay=2)), 'decay'),
])  # fmt: skip
def test_settings_out_of_range_are_refused(build, kind: str, settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(kind, **settings)

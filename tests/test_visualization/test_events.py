"""Pictures of event tensors."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmpretrain.structures import DataSample

from mmsfa.visualization.events import EventVisualizer, render_events

WHITE, RED, BLUE = [255] * 3, [255, 0, 0], [0, 0, 255]


@pytest.fixture
def tensor() -> np.ndarray:
    """T = 2: ON at (0, 0) in the first step, OFF at (1, 2) in the second."""
    events = np.zeros((2, 3, 4), np.float32)
    events[0, 0, 1] = events[1, 2, 2] = 1
    return events


def test_on_is_red_off_is_blue_nothing_is_white(tensor: np.ndarray) -> None:
    picture = render_events(tensor)
    assert picture.shape == (2, 3, 3) and picture.dtype == np.uint8
    assert picture[0, 0].tolist() == RED and picture[1, 2].tolist() == BLUE
    picture[0, 0] = picture[1, 2] = 255
    assert (picture == 255).all()


def test_steps_side_by_side(tensor: np.ndarray) -> None:
    picture = render_events(tensor, tile=True)
    assert picture.shape == (2, 6, 3)
    assert picture[0, 0].tolist() == RED and picture[0, 3].tolist() == WHITE
    assert picture[1, 5].tolist() == BLUE and picture[1, 2].tolist() == WHITE


def test_a_hot_pixel_does_not_pale_the_rest() -> None:
    events = np.ones((40, 40, 2), np.float32)
    events[..., 0] = 0
    events[3, 3, 1] = 1000
    assert render_events(events)[10, 10].tolist() == RED
    assert (render_events(np.zeros((4, 4, 2))) == 255).all()


def test_other_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match=r'\(H, W, T\*2\).*got \(4, 4, 3\)'):
        render_events(np.zeros((4, 4, 3)))


def test_the_visualizer_draws_event_tensors_and_pictures(
    tensor: np.ndarray, tmp_path: Path
) -> None:
    visualizer = EventVisualizer()
    visualizer.dataset_meta = dict(classes=['a', 'b'])
    sample = DataSample().set_gt_label(1).set_pred_label(0)
    out = tmp_path / 'drawn.png'
    visualizer.visualize_cls(np.tile(tensor, (20, 20, 1)), sample, out_file=str(out))
    drawn = cv2.imread(str(out))
    assert min(drawn.shape[:2]) >= 128 and drawn.std() > 0
    visualizer.visualize_cls(np.full((130, 140, 3), 9, np.uint8), sample, out_file=str(out))
    assert cv2.imread(str(out)).shape[:2] == (130, 140)

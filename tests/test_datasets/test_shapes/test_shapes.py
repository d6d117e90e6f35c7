"""Drawn pictures and their labels: reproducible, consistent, not trivial."""

import cv2
import numpy as np
import pytest

from mmsfa.datasets import CLASSES, THINGS, draw_shapes
from mmsfa.datasets.shapes.shapes import MIN_VISIBLE


def draw(seed, index=0, **kwargs):
    return draw_shapes(np.random.default_rng([seed, index]), **kwargs)


def test_same_state_same_picture():
    first, second, other = draw(0), draw(0), draw(1)
    assert first[0].tobytes() == second[0].tobytes()
    assert first[2].tobytes() == second[2].tobytes()
    assert first[0].tobytes() != other[0].tobytes()


@pytest.mark.parametrize('size', [32, 128, 200])
def test_shapes_and_types(size):
    image, instances, label_map = draw(3, size=size)
    assert image.shape == (size, size, 3) and image.dtype == np.uint8
    assert label_map.shape == (size, size) and label_map.dtype == np.uint8
    assert all(mask.shape == (size, size) and mask.dtype == bool for _, mask in instances)


def test_too_small_is_refused():
    with pytest.raises(ValueError, match='at least 32 pixels, got 16'):
        draw(0, size=16)


def test_masks_are_visible_pixels_that_agree_with_the_label_map():
    hidden = 0
    for index in range(40):
        _, instances, label_map = draw(0, index)
        masks = np.array([mask for _, mask in instances])
        assert masks.sum(0).max() == 1
        assert masks.sum((1, 2)).min() > MIN_VISIBLE * 100
        for label, mask in instances:
            assert (label_map[mask] == 1 + label).all()
        assert ((label_map <= len(THINGS)) == masks.any(0)).all()
        assert label_map.min() >= 1 and label_map.max() <= len(CLASSES)
        # two neighbouring things whose pixels touch: one hides a part of the other
        grown = [cv2.dilate(mask.astype(np.uint8), np.ones((3, 3))) for mask in masks]
        hidden += np.sum(grown, axis=0).max() > 1
    assert hidden >= 8


@pytest.mark.slow
def test_colour_hints_at_the_class_and_area_does_not_tell_it():
    areas, guesses = [[] for _ in THINGS], []
    for index in range(150):
        image, instances, _ = draw(1, index)
        for label, mask in instances:
            # circles are drawn around red, squares around green, triangles around blue
            guesses.append(image[mask].mean(0).argmax() == label)
            areas[label].append(mask.sum())
    assert 0.6 < np.mean(guesses) < 0.9
    assert np.ptp([np.mean(values) for values in areas]) < 0.5 * np.std(np.concatenate(areas))

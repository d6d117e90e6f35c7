"""What was found is seen in the picture."""

from __future__ import annotations

import numpy as np

from mmsfa.runtime.draw import colours_of, draw
from mmsfa.runtime.results import Classification, Instances, Segmentation

SETTINGS = dict(classes=['cat', 'dog'], palette=[[200, 0, 0], [0, 200, 0]])
GREY = np.full((40, 60, 3), 100, np.uint8)


def test_boxes_and_masks() -> None:
    masks = np.zeros((2, 40, 60), bool)
    masks[0, 10:35, 10:20] = masks[1, 0:9, 40:50] = True
    boxes = np.array([[10, 10, 20, 35], [40, 0, 50, 9]], np.float32)
    found = Instances(boxes, np.array([0.9, 0.1], np.float32), np.array([1, 0]), masks)
    drawn = np.asarray(draw(GREY, found, SETTINGS))
    assert drawn[37, 5].tolist() == [100, 100, 100] and (GREY == 100).all()
    assert drawn[35, 15].tolist() == [0, 200, 0], 'the outline'
    assert drawn[33, 18].tolist() == [50, 150, 50], 'the mask lets the picture through'
    assert (drawn[0:9, 40:50] == 100).all(), 'a score below the threshold'
    assert (np.asarray(draw(GREY, found, SETTINGS, 0.05))[0:9, 40:50] != 100).any()


def test_classes_of_pixels() -> None:
    labels = np.zeros((40, 60), int)
    labels[:, 30:] = 1
    drawn = np.asarray(draw(GREY, Segmentation(labels), SETTINGS))
    assert drawn[5, 5].tolist() == [150, 50, 50] and drawn[5, 50].tolist() == [50, 150, 50]


def test_class_of_a_picture() -> None:
    drawn = np.asarray(draw(GREY, Classification(np.array([0.2, 0.8])), SETTINGS))
    assert (drawn[:14] != 100).any() and (drawn[20:] == 100).all()


def test_colours_without_a_palette() -> None:
    colours = colours_of(dict(classes=list(map(str, range(20))), palette=None))
    assert len(set(colours)) == 20
    assert colours_of(SETTINGS) == [(200, 0, 0), (0, 200, 0)]

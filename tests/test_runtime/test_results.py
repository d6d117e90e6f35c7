"""Results in COCO's format."""

from __future__ import annotations

import numpy as np
from pycocotools import mask as coco_mask

from mmsfa.runtime.results import Classification, Instances, as_coco

SETTINGS = dict(classes=['cat', 'dog'], category_ids=[17, 18])


def test_rows_of_coco() -> None:
    masks = np.zeros((2, 6, 8), bool)
    masks[0, 1:3, 2:5] = True
    boxes = np.array([[2, 1, 5, 3], [0.5, 0, 8, 6]], np.float32)
    found = Instances(boxes, np.array([0.75, 0.5], np.float32), np.array([1, 0]), masks)
    rows = as_coco(found, SETTINGS, image_id=3)
    assert rows[0] | dict(segmentation=None) == dict(
        image_id=3, category_id=18, category='dog', bbox=[2, 1, 3, 2], score=0.75, segmentation=None
    )
    assert rows[1]['bbox'] == [0.5, 0, 7.5, 6] and rows[1]['category_id'] == 17
    assert np.array_equal(coco_mask.decode(rows[0]['segmentation']), masks[0])


def test_without_masks_and_numbers() -> None:
    found = Instances(np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.array([1]))
    (row,) = as_coco(found, SETTINGS | dict(category_ids=None))
    assert row == dict(category_id=1, category='dog', bbox=[0, 0, 0, 0], score=1)


def test_parts() -> None:
    found = Instances(np.eye(4, dtype=np.float32), np.arange(4.0), np.arange(4), np.eye(4) > 0)
    part = found.take(np.array([2, 0]))
    assert len(part) == 2 and part.labels.tolist() == [2, 0] and part.masks[0].tolist()[2]
    assert Classification(np.array([0.1, 0.7, 0.2])).label == 1

"""One annotation in the form of COCO: its box and its mask."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as coco_masks

from mmsfa.data_check.coco_annotations import (
    _decode,
    check_box,
    check_instance,
    check_mask,
    check_unit,
)


def test_runs_agree_with_pycocotools() -> None:
    draw = np.random.default_rng(0)
    for _ in range(100):
        mask = draw.random(draw.integers(1, 90, 2)) < draw.random() ** 2
        runs = _decode(coco_masks.encode(np.asfortranarray(mask, np.uint8))['counts'])
        values = np.repeat(np.arange(len(runs)) % 2, runs)
        assert np.array_equal(values.reshape(mask.shape, order='F'), mask)


@pytest.mark.parametrize(
    ('text', 'reason'), [('0 0', "' ' is no character"), ('P', 'it ends within a number')]
)
def test_a_compressed_mask_that_is_cut_off(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        _decode(text)
    what = check_mask(dict(size=[50, 100], counts=text), None)
    assert what.startswith('the run-length encoding of the mask is broken (ValueError: ')


def test_a_box_may_stand_out_by_a_pixel() -> None:
    size = (100, 50)
    assert check_box((-1, 0, 102, 51), size) is None
    assert check_box([0, 0, 100, 51.25], size) == (
        'the box [0, 0, 100, 51.25] stands 1.25 pixels out of the picture'
    )
    assert check_box([-2, 0, 10, 10], size).endswith('stands 2 pixels out of the picture')
    for outside in ([100, 0, 1, 1], [0, 50, 1, 1], [-1, 0, 1, 1], [0, -1, 1, 1]):
        assert check_box(outside, size).endswith('lies outside the picture of 100 x 50')
        assert check_box(outside, None) is None  # where the size is not known


def test_an_instance_has_corners_and_the_size_of_its_sample() -> None:
    info, runs = dict(width=100, height=50), dict(size=[5, 10], counts=[50])
    assert check_instance(dict(bbox=[90, 10, 95, 20]), info) is None
    assert check_instance(dict(bbox=[95, 10, 90, 20]), info) == 'the box has size -5 x 10'
    assert check_instance(dict(mask=runs), info) == (
        'the mask is of 10 x 5 pixels, the picture of 100 x 50'
    )
    assert check_instance(dict(mask=runs), dict(height=50)) is None
    assert check_instance(dict(bbox_label=3), info) is None  # neither: nothing to look at


def test_boxes_are_pixels_if_one_of_them_must_be() -> None:
    part, sizes = dict(bbox=[0, 0, 0.5, 1]), {1: (100, 50), 2: None}
    assert 'not parts of the picture' in check_unit([part, dict(caption='a')], sizes)
    for other in ([0, 0, 3, 1], [1.5, 0, 1, 1], [0, 0, -1, 1], 'text', None):
        assert check_unit([part, dict(bbox=other)], sizes) is None
    assert check_unit([part], {1: (1, 1)}) is None
    assert check_unit([], sizes) is check_unit([part], {}) is None

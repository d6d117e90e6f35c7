"""A label map on disk: its values and its size."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmsfa.data_check.label_map_file import LabelMapRules, check_label_map, check_size
from mmsfa.data_check.label_map_format import NOT_CLASSES
from mmsfa.data_check.orientation import LABEL_MAP, read_size
from tests.helpers.encoded_pictures import encoded


@pytest.mark.parametrize(
    ('rules', 'right'),
    [
        (LabelMapRules(3), [0, 1, 2, 255]),
        (LabelMapRules(3, ignore=(255, 7)), [0, 1, 2, 7, 255]),
        (LabelMapRules(3, reduce_zero_label=True), [0, 1, 2, 3, 255]),
        (LabelMapRules(2, label_map={5: 0, 0: 9}), [1, 5, 255]),
        # the labels are counted anew once the first one is gone
        (LabelMapRules(2, reduce_zero_label=True, label_map={5: 0}), [0, 1, 2, 6, 255]),
    ],
)
def test_which_values_a_class_has(rules: LabelMapRules, right: list[int]) -> None:
    assert np.flatnonzero(~rules.wrong_values()).tolist() == right


def written(path: Path, values: np.ndarray) -> str:
    Image.fromarray(values).save(path)
    return str(path)


def test_wrong_values_are_counted(tmp_path: Path) -> None:
    values = np.zeros((4, 5), np.uint8)
    path = written(tmp_path / 'a.png', values)
    assert check_label_map(path, LabelMapRules(1)) == (None, {0})
    values[:2, :3], values[3, 0] = 9, 7
    path = written(tmp_path / 'a.png', values)
    what, seen = check_label_map(path, LabelMapRules(3, reduce_zero_label=True))
    assert what == (
        '7 pixels of the label map have values outside the classes (7, 9; the classes are 1..3)'
    )
    assert seen == {6, 8}


@pytest.mark.parametrize(
    ('values', 'phrase'),
    [
        (
            np.zeros((4, 5, 3), np.uint8),
            f'a label map has one channel, this one has 3 (RGB): {NOT_CLASSES}',
        ),
        (np.full((4, 5), 300, np.uint16), 'value 300 of the label map does not fit into 8 bits'),
        (np.full((4, 5), 65535, np.uint16), None),  # mmseg makes 255 of it: unlabeled
        (np.full((4, 5), 0.5, np.float32), 'a label map has whole numbers, this one has fractions'),
        (np.ones((4, 5), np.float32), None),
    ],
)
def test_what_is_no_label_map(tmp_path: Path, values: np.ndarray, phrase: str | None) -> None:
    assert check_label_map(written(tmp_path / 'a.tiff', values), LabelMapRules(3))[0] == phrase


@pytest.mark.parametrize('suffix', ['.png', '.webp', '.tiff'])  # only the first by its header
def test_sizes(tmp_path: Path, suffix: str) -> None:
    picture, label_map, junk = (str(tmp_path / name) for name in (f'a{suffix}', 'b.png', 'junk'))
    Path(picture).write_bytes(encoded(suffix))
    Path(junk).write_bytes(b'junk')
    assert read_size(picture, LABEL_MAP) == (60, 40)
    cv2.imwrite(label_map, np.zeros((40, 60), np.uint8))
    assert check_size(label_map, picture) is None
    cv2.imwrite(label_map, np.zeros((60, 40), np.uint8))
    assert check_size(label_map, picture) == (
        'a label map of 40 x 60 pixels for a picture of 60 x 40'
    )
    assert read_size(junk, LABEL_MAP) is check_size(label_map, junk) is None

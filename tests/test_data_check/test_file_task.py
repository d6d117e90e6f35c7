"""One file in full: its pixels, what the decoders print, its size and its values."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmsfa.data_check.file_task import Task, run_task
from mmsfa.data_check.label_map_file import LabelMapRules
from mmsfa.data_check.orientation import Reading
from tests.helpers.encoded_pictures import JPEG, tagged


@pytest.mark.parametrize('at', ['ffdb', 'ffc0', 'ffd9'])
def test_bytes_too_many_between_segments(tmp_path: Path, at: str) -> None:
    """OpenCV and Pillow skip them; in ImageNet and COCO there are a few of that kind."""
    path = tmp_path / 'a.jpg'
    place = JPEG.rindex(bytes.fromhex(at))
    path.write_bytes(JPEG[:place] + b'\0\0\0' + JPEG[place:])
    assert run_task(Task(str(path))).what is None


def test_what_the_decoder_prints_is_a_fault(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    """Neither OpenCV nor Pillow refuses pixels that are none; the screen stays clean."""
    path = tmp_path / 'a.jpg'
    middle = len(JPEG) // 2
    path.write_bytes(JPEG[:middle] + b'\xff\xd3' * 4 + JPEG[middle + 8 :])
    assert run_task(Task(str(path))).what.startswith('damaged (the decoder says: Corrupt JPEG data')
    assert run_task(Task(str(path), deep=False)).what is None
    print('after it', file=sys.stderr)
    assert capfd.readouterr().err == 'after it\n'


def test_the_size_that_annotations_claim(tmp_path: Path) -> None:
    path = tmp_path / 'a.jpg'
    path.write_bytes(JPEG)
    for size in (None, (60, 40)):
        assert run_task(Task(str(path), size=size)).what is None
    assert run_task(Task(str(path), deep=False, size=(64, 64))).what == (
        'a picture of 60 x 40 pixels, but its annotations are for 64 x 64'
    )
    assert 'annotations are for 40 x 60' in run_task(Task(str(path), size=(40, 60))).what
    path.write_bytes(tagged('.jpg', 8))
    assert run_task(Task(str(path), size=(40, 60))).what is None  # the loader turns it
    assert 'it is read turned, 40 x 60 pixels' in run_task(Task(str(path), size=(60, 40))).what
    ignores = Reading('color_ignore_orientation')
    assert run_task(Task(str(path), size=(60, 40), reading=ignores)).what is None


def test_label_maps(tmp_path: Path) -> None:
    picture, path = tmp_path / 'a.jpg', tmp_path / 'a.png'
    picture.write_bytes(JPEG)
    cv2.imwrite(str(path), np.full((40, 60), 3, np.uint8))
    task = Task(str(path), rules=LabelMapRules(4), picture=str(picture))
    assert run_task(task).what is None
    wrong = task._replace(rules=LabelMapRules(3))
    assert '2400 pixels of the label map have values outside' in run_task(wrong).what
    assert run_task(wrong._replace(deep=False)).what is None  # the values are in the pixels
    cv2.imwrite(str(path), np.full((40, 50), 3, np.uint8))
    assert run_task(wrong).what == 'a label map of 50 x 40 pixels for a picture of 60 x 40'
    picture.write_bytes(b'')  # a fault of the picture is not told twice
    assert run_task(task).what is None


def test_many_bands_are_decoded_as_the_config_does(tmp_path: Path) -> None:
    tifffile = pytest.importorskip('tifffile')
    path = tmp_path / 'a.tif'
    options = dict(photometric='minisblack', planarconfig='contig')
    tifffile.imwrite(str(path), np.zeros((40, 60, 13), np.uint16), **options)
    assert 'OpenCV cannot decode it' in run_task(Task(str(path))).what
    task = Task(str(path), reading=Reading(imdecode_backend='tifffile'))
    assert run_task(task).what is None
    path.write_bytes(path.read_bytes()[:3000])
    assert run_task(task).what.startswith('tifffile cannot decode it')

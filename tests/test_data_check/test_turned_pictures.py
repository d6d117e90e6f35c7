"""Orientation tags of the pictures of a data set."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets.transforms import LoadAnnotations
from mmengine.dataset import BaseDataset

from mmsfa.data_check.file_task import Task
from mmsfa.data_check.orientation import Reading
from mmsfa.data_check.turned_pictures import (
    Annotated,
    annotated_pictures,
    check_orientation,
    pictures_of_tasks,
)
from tests.helpers.encoded_pictures import tagged

AS_IT_IS = Reading('color_ignore_orientation')


@pytest.fixture
def pictures(tmp_path: Path) -> dict[int, str]:
    """A JPEG of 60 x 40 pixels by its orientation."""
    for tag in range(1, 9):
        (tmp_path / f'{tag}.jpg').write_bytes(tagged('.jpg', tag))
    return {tag: str(tmp_path / f'{tag}.jpg') for tag in range(1, 9)}


def test_boxes(pictures: dict[int, str]) -> None:
    for reading, good in ((Reading(), (40, 60)), (AS_IT_IS, (60, 40))):
        fitting = [Annotated(pictures[tag], reading, good) for tag in (5, 6, 7, 8)]
        assert check_orientation(fitting) == ([], [])
        wrong, unclear = check_orientation([one._replace(size=good[::-1]) for one in fitting])
        assert len(wrong) == 4 and not unclear
    every = [Annotated(path, Reading(), (60, 40)) for path in pictures.values()]
    wrong, unclear = check_orientation(every)
    assert [fault.path for fault in wrong] == [pictures[tag] for tag in (5, 6, 7, 8)]
    assert [(fault.path, fault.what) for fault in unclear] == [
        (pictures[tag], f'orientation tag {tag} (EXIF), read turned') for tag in (2, 3, 4)
    ]
    (note,) = check_orientation([Annotated(pictures[3], AS_IT_IS, (60, 40))])[1]
    assert note.what == 'orientation tag 3 (EXIF), read as it is stored'


def test_label_maps(pictures: dict[int, str], tmp_path: Path) -> None:
    label_map = str(tmp_path / 'map.png')
    one = Annotated(pictures[6], Reading(), label_map=label_map)
    cv2.imwrite(label_map, np.zeros((60, 40), np.uint8))
    assert check_orientation([one]) == ([], [])
    cv2.imwrite(label_map, np.zeros((40, 60), np.uint8))
    ((path, what),), unclear = check_orientation([one])
    assert path == pictures[6] and not unclear
    assert what.startswith('a label map of 60 x 40 pixels for a picture of 40 x 60: with orient')
    assert check_orientation([one._replace(reading=AS_IT_IS)]) == ([], [])
    assert check_orientation([one._replace(path=str(tmp_path / 'gone'))]) == ([], [])


def test_of_tasks(pictures: dict[int, str]) -> None:
    tasks = [Task('a.jpg', size=(60, 40)), Task('m.png', picture='b.jpg'), Task('c.jpg')]
    assert pictures_of_tasks(tasks) == [
        Annotated('a.jpg', Reading(), (60, 40)),
        Annotated('b.jpg', Reading(), label_map='m.png'),
    ]


class Listed(BaseDataset):
    """What its metainfo lists."""

    def load_data_list(self) -> list[dict]:
        return self.metainfo['infos']


def test_of_a_data_set() -> None:
    boxes = [
        dict(img_path=f'{i}.jpg', width=6, height=4, instances=[], seg_map_path='x')
        for i in range(7)
    ]
    read = [LoadImageFromFile(), LoadAnnotations()]
    dataset = Listed(metainfo=dict(infos=boxes), pipeline=read)
    found = list(annotated_pictures(dataset))
    assert found == [Annotated(f'{i}.jpg', Reading(), (6, 4)) for i in range(7)]
    few = list(annotated_pictures(dataset, most=3))
    assert [one.path for one in few] == ['0.jpg', '3.jpg', '6.jpg']
    maps = [dict(img_path='a.jpg', seg_map_path='a.png')]
    read = [LoadImageFromFile(), LoadAnnotations(with_bbox=False, with_seg=True)]
    dataset = Listed(metainfo=dict(infos=maps), pipeline=read)
    assert list(annotated_pictures(dataset)) == [Annotated('a.jpg', Reading(), label_map='a.png')]
    for pipeline in ([], [LoadImageFromFile()]):  # in memory; a label alone has no place
        dataset = Listed(metainfo=dict(infos=maps), pipeline=pipeline)
        assert not list(annotated_pictures(dataset))

"""From a sample to the file at fault."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmsfa.data_check import Fault, diagnose, files_of
from mmsfa.datasets.events import read_events


@pytest.fixture
def info(tmp_path: Path) -> dict:
    """A picture and its label map, both sound."""
    info = dict(img_path=str(tmp_path / 'a.png'), seg_map_path=str(tmp_path / 'a_map.png'))
    cv2.imwrite(info['img_path'], np.full((20, 30, 3), 7, np.uint8))
    cv2.imwrite(info['seg_map_path'], np.zeros((20, 30), np.uint8))
    return info


def test_files_of_a_sample() -> None:
    info = dict(img_path='/a.jpg', seg_map_path=None, depth_map_path='/d.png', img_path2='/b.jpg')
    assert files_of(info) == ['/a.jpg', '/d.png', '/b.jpg']
    assert files_of(dict(img_path=['/1.jpg', '/2.jpg', '/1.jpg'], height=3)) == ['/1.jpg', '/2.jpg']
    assert files_of(dict(img_path='s3://bucket/a.jpg', path_length=3)) == []


def test_the_file_at_fault_is_found(info: dict) -> None:
    error = ValueError('anything')
    assert diagnose(info, error) is None
    cv2.imwrite(info['seg_map_path'], np.zeros((30, 20), np.uint8))
    assert diagnose(info, error) == Fault(
        info['seg_map_path'], 'a label map of 20 x 30 pixels for a picture of 30 x 20'
    )
    Path(info['seg_map_path']).write_bytes(b'')
    fault = diagnose(info, error)
    assert fault == Fault(info['seg_map_path'], 'empty (0 bytes)')
    assert pickle.loads(pickle.dumps({fault})) == {fault}


def test_an_annotation_at_fault_is_found(info: dict) -> None:
    sound = dict(bbox=[0, 0, 5, 5], mask=[[0, 0, 5, 0, 5, 5]])
    info.update(width=30, height=20, instances=[sound])
    assert diagnose(info, ValueError()) is None
    info['instances'].append(dict(sound, mask=dict(size=[20, 30], counts='broken')))
    path, what = diagnose(info, ValueError())
    assert path == info['img_path'] and what.startswith('annotation 1: the run-length')


def test_an_event_file_is_at_fault(tmp_path: Path) -> None:
    path = tmp_path / 'a.bin'
    path.write_bytes(bytes(7))
    try:
        read_events(path)
    except ValueError as error:
        fault = diagnose(dict(img_path=str(path), gt_label=1), error)
    assert fault.path == str(path) and fault.what.startswith('at byte')

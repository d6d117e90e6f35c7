"""From a sample to the file at fault; labels before they reach the loss; data sets in wrappers."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset
from mmengine.structures import InstanceData, PixelData
from mmpretrain.structures import DataSample
from torch.utils.data import Subset

from mmsfa.data_check import Fault, check_labels, diagnose, files_of
from mmsfa.data_check.files_of_dataset import files_in
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


def things(labels: list, boxes: list) -> dict:
    found = InstanceData(labels=torch.tensor(labels), bboxes=torch.tensor(boxes))
    return dict(inputs=None, data_samples=SimpleNamespace(gt_instances=found))


def test_boxes_and_their_classes() -> None:
    box = [1.0, 1.0, 4.0, 5.0]
    assert check_labels(things([0, 2], [box, box]), 3) is None
    assert check_labels(things([], []), 3) is None
    assert check_labels(things([0, 3], [box, box]), 3) == 'label 3 is not in 0..2'
    assert check_labels(things([-1], [box]), 3) == 'label -1 is not in 0..2'
    assert check_labels(things([0], [[1.0, 1, 1, 5]]), 3) == 'box 0 has size 0 x 4'
    assert 'not finite' in check_labels(things([0], [[1.0, 1, float('nan'), 5]]), 3)
    assert 'not finite' in check_labels(things([0], [[1.0, 1, float('inf'), 5]]), 3)


@pytest.mark.parametrize('kind', [torch.int64, torch.int32, torch.int16])
def test_label_maps(kind: torch.dtype) -> None:
    def check(values: list[int], num_classes: int = 3, ignore_index: int = 255) -> str | None:
        label_map = torch.tensor([[values]], dtype=kind)
        sample = SimpleNamespace(gt_sem_seg=PixelData(data=label_map))
        return check_labels(dict(data_samples=sample), num_classes, ignore_index)

    assert check([0, 1, 2, 255, 255]) is None
    assert check([0, 1, 2, -100], ignore_index=-100) is None
    assert check([0, 0, 1], ignore_index=0) is None
    assert 'values 3, 9' in check([0, 9, 3, 3, 255])
    assert 'values -1' in check([0, -1])
    assert 'values 255' in check([0, 255], ignore_index=0)


def test_classes_of_pictures() -> None:
    assert check_labels(dict(data_samples=DataSample().set_gt_label(4)), 5) is None
    assert check_labels(dict(data_samples=DataSample().set_gt_label(5)), 5)
    assert check_labels(dict(data_samples=DataSample()), 5) is None
    assert check_labels(torch.zeros(3), 5) is None


class Toy(BaseDataset):
    """Named pictures."""

    def load_data_list(self) -> list[dict]:
        return [dict(img_path=f'{self.ann_file}{i}.jpg', seg_map_path='map') for i in range(3)]


def test_files_inside_any_wrapper() -> None:
    a, b = Toy('a'), Toy('b')
    assert files_in(a) == ['a0.jpg', 'a1.jpg', 'a2.jpg']  # no step reads the label map
    assert files_in(torch.utils.data.ConcatDataset([RepeatDataset(a, 2), ConcatDataset([b])])) == [
        *files_in(a),
        *files_in(b),
    ]
    assert files_in(Subset(a, [2, 0])) == ['a2.jpg', 'a0.jpg']
    assert files_in([1, 2, 3]) == []
    with_maps = Toy('a', pipeline=[Reads()])
    assert files_in(with_maps) == ['a0.jpg', 'map', 'a1.jpg', 'a2.jpg']


class Reads:
    """A pipeline step that reads label maps."""

    with_seg = True

    def __call__(self, results: dict) -> dict:
        return results

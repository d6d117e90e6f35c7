"""Labels before they reach the loss."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpretrain.structures import DataSample

from mmsfa.data_check import check_labels


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


def test_a_label_map_of_colours() -> None:
    for shape, is_right in (((1, 4, 3), True), ((4, 4, 3), False), ((4, 4, 2), False)):
        sample = SimpleNamespace(gt_sem_seg=SimpleNamespace(data=torch.zeros(shape, dtype=int)))
        what = check_labels(dict(data_samples=sample), 3)
        assert what is None if is_right else f'has the shape {shape} instead' in what


def test_classes_of_pictures() -> None:
    assert check_labels(dict(data_samples=DataSample().set_gt_label(4)), 5) is None
    assert check_labels(dict(data_samples=DataSample().set_gt_label(5)), 5)
    assert check_labels(dict(data_samples=DataSample()), 5) is None
    assert check_labels(torch.zeros(3), 5) is None

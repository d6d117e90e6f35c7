"""What counts as the same prediction."""

from __future__ import annotations

import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from mmsfa.spiking.agreement import Agreement


def instances(boxes: list, labels: list[int], masks: int = 0) -> InstanceData:
    pixels = torch.zeros(len(boxes), 4, 4, dtype=torch.bool)
    pixels.flatten(1)[:, :masks] = True
    return InstanceData(
        bboxes=torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4),
        labels=torch.tensor(labels, dtype=torch.long),
        scores=torch.full((len(boxes),), 0.5, dtype=torch.float64),
        masks=pixels,
    )


class Sample(dict):
    """A data sample: attributes and membership."""

    __getattr__ = dict.__getitem__


@pytest.mark.parametrize(
    ('second', 'agreeing', 'total', 'identical'),
    [
        (([[0, 0, 4, 4], [8, 8, 12, 12]], [0, 1], 3), 2, 2, True),
        (([[8, 8, 12, 12], [0, 0, 4, 4]], [1, 0], 3), 2, 2, True),  # another order
        (([[0, 0, 4, 4], [8, 8, 12, 12]], [0, 0], 3), 1, 2, False),  # another label
        (([[0, 0, 4, 4]], [0], 3), 1, 2, False),  # one is missing
        (([[0, 0, 4, 4], [8, 8, 12, 13]], [0, 1], 3), 2, 2, False),  # moved by a pixel
        (([[0, 0, 4, 4], [8, 8, 12, 12]], [0, 1], 4), 2, 2, False),  # another mask
        (([], [], 0), 0, 2, False),
    ],
)
def test_instances(second: tuple, agreeing: int, total: int, identical: bool) -> None:
    first = instances([[0, 0, 4, 4], [8, 8, 12, 12]], [0, 1], 3)
    found = Agreement()
    found.add(Sample(pred_instances=first), Sample(pred_instances=instances(*second)))
    assert (found.agreeing, found.total, found.identical) == (agreeing, total, identical)


def test_equal_boxes_without_area_agree() -> None:
    """A box that is clipped at the border of the picture overlaps nothing, not even itself."""
    first = instances([[5, 0, 5, 4], [0, 0, 4, 4]], [0, 1])
    found = Agreement()
    found.add(Sample(pred_instances=first), Sample(pred_instances=first.clone()))
    assert found.identical and found.agreeing == 2


def test_nan_is_no_agreement() -> None:
    found = Agreement()
    label, score = torch.tensor([1]), torch.tensor([0.5, float('nan')])
    sample = Sample(pred_label=label, pred_score=score)
    found.add(sample, sample)
    assert not found.identical and found.largest == dict(scores=float('inf'))


def test_label_maps_and_labels() -> None:
    found = Agreement()
    maps = [PixelData(data=torch.tensor([[[0, 1], [2, label]]])) for label in (2, 1)]
    found.add(Sample(pred_sem_seg=maps[0]), Sample(pred_sem_seg=maps[1]))
    assert (found.what, found.agreeing, found.total) == ('pixels', 3, 4)
    found = Agreement()
    scores = torch.tensor([0.25, 0.75]), torch.tensor([0.5, 0.5])
    label = torch.tensor([1])
    found.add(
        Sample(pred_label=label, pred_score=scores[0]),
        Sample(pred_label=label, pred_score=scores[1]),
    )
    assert found.identical and found.largest == dict(scores=0.25)
    with pytest.raises(ValueError, match='got one with'):
        found.add(Sample(gt_label=label), Sample(gt_label=label))

"""What counts as the same prediction."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, InstanceData, PixelData

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


def compared(first: dict, second: dict) -> Agreement:
    found = Agreement()
    found.add(Sample(first), Sample(second))
    return found


def test_label_maps_and_logits() -> None:
    first, second = (PixelData(data=torch.tensor([[[0, 1], [2, label]]])) for label in (2, 1))
    found = compared(dict(pred_sem_seg=first), dict(pred_sem_seg=second))
    assert (found.what, found.agreeing, found.total) == ('pixels', 3, 4)
    logits = [PixelData(data=torch.tensor([[[100.0, 0.0]]]) + gap) for gap in (0, 1e-5, 1e-3)]
    rounded, other = (
        compared(
            dict(seg_logits=logits[0], pred_sem_seg=first),
            dict(seg_logits=logits[number], pred_sem_seg=first),
        )
        for number in (1, 2)
    )
    assert rounded.identical and rounded.what == 'pixels' and rounded.total == 4
    assert not other.identical and other.differing_values == 1, 'of 0, not of 100'
    assert other.largest == dict(logits=pytest.approx(1e-3, rel=0.05))


def test_scores_that_leave_the_label_alone_count() -> None:
    """Else layers behind the last neuron could be wrong without a word."""
    label, scores = torch.tensor([1]), torch.tensor([0.25, 0.75])
    same = dict(pred_label=label, pred_score=scores)
    assert compared(same, same).identical
    found = compared(same, dict(pred_label=label, pred_score=torch.tensor([0.3, 0.7])))
    assert found.agreeing == found.total == 1 and found.what == 'pictures'
    assert not found.identical and found.largest == dict(scores=pytest.approx(0.05))


def test_any_other_output_counts() -> None:
    boxes = instances([[0, 0, 4, 4]], [1])
    for name, value in (('uncertainty', 0.5), ('kind', 3)):
        first, second = boxes.clone(), boxes.clone()
        first.set_field(torch.tensor([value]), name)
        second.set_field(torch.tensor([value * 2]), name)
        assert compared(dict(pred_instances=first), dict(pred_instances=first)).identical
        assert not compared(dict(pred_instances=first), dict(pred_instances=second)).identical
    parts = dict(pred_instances=boxes, pred_caption='a cat')
    assert compared(parts, parts).identical
    assert not compared(parts, parts | dict(pred_caption='a dog')).identical
    panoptic = [PixelData(sem_seg=torch.tensor([[[0, label]]])) for label in (1, 2)]
    first, second = (dict(pred_instances=boxes, pred_panoptic_seg=one) for one in panoptic)
    assert compared(first, first).identical and compared(first, first).what == 'instances'
    assert not compared(first, second).identical
    several = [dict(pred_label=torch.arange(number)) for number in (2, 3)]
    assert not compared(*several).identical, 'one label more'
    with pytest.raises(ValueError, match='pred_what is a object, which cannot'):
        compared(dict(pred_what=object()), dict(pred_what=object()))


def test_poses_and_turned_boxes_are_paired_by_their_place() -> None:
    poses = [InstanceData(keypoints=torch.zeros(2, 17, 2) + gap) for gap in (0, 1.0)]
    first, second = (dict(pred_instances=one) for one in poses)
    assert compared(first, first).identical and compared(first, first).total == 2
    assert not compared(first, second).identical
    turned = [torch.tensor([[5.0, 5.0, 4.0, 4.0, angle]]) for angle in (0.0, 0.5)]
    first, second = (
        dict(pred_instances=InstanceData(bboxes=box, labels=torch.tensor([0]))) for box in turned
    )
    assert compared(first, first).identical
    found = compared(first, second)
    assert not found.identical and found.agreeing == 0 and found.total == 1


def test_what_is_no_prediction_is_told() -> None:
    label = torch.tensor([1])
    with pytest.raises(ValueError, match='got one with'):
        compared(dict(gt_label=label), dict(gt_label=label))


OUTPUTS = {
    'an array': (np.ones(3), np.ones(3) + 1e-3),
    'a number': (0.5, 0.5 + 1e-3),
    'several': ([torch.ones(2), 'a'], [torch.ones(2), 'b']),
    'a different number': ([1.0], [1.0, 2.0]),
    'named': ({'boxes': torch.ones(2)}, {'boxes': torch.zeros(2)}),
    'other names': ({'a': 1}, {'b': 1}),
    'nothing': (None, 1),
    'a map as an array': (
        PixelData(data=np.zeros((1, 2, 2), int)),
        PixelData(data=np.ones((1, 2, 2), int)),
    ),
    'a sample in a sample': (
        BaseDataElement(inner=BaseDataElement(score=torch.ones(1))),
        BaseDataElement(inner=BaseDataElement(score=torch.zeros(1))),
    ),
    'texts of instances': (
        InstanceData(labels=torch.arange(2), texts=['a', 'b']),
        InstanceData(labels=torch.arange(2), texts=['a', 'c']),
    ),
}


@pytest.mark.parametrize('name', OUTPUTS)
def test_whatever_a_model_puts_out_is_compared(name: str) -> None:
    mine, other = OUTPUTS[name]
    label = torch.tensor([1])
    for second, identical in ((deepcopy(mine), True), (other, False)):
        found = Agreement()
        found.add(
            Sample(pred_label=label, extra=mine), Sample(pred_label=label.clone(), extra=second)
        )
        assert found.identical is identical


def test_numbers_may_differ_by_rounding() -> None:
    found = Agreement()
    found.add({'mean': 1.0, 'of': (2.0, 3)}, {'mean': 1.0 + 1e-12, 'of': (2.0 - 1e-12, 3)})
    assert found.identical and 0 < found.largest['mean'] < 1e-11


def test_a_model_without_data_samples_is_told() -> None:
    with pytest.raises(ValueError, match='got a Tensor: run the model'):
        Agreement().add(torch.ones(2), torch.ones(2))

"""Suppression: the same boxes as mmcv's, hard, soft and grouped."""

from __future__ import annotations

import pytest
import torch
from mmcv.ops import batched_nms, nms, nms_match, soft_nms


@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('threshold', [0.1, 0.5, 0.7])
def test_nms_keeps_the_boxes_of_mmcv(oracle, ours, draw, offset, threshold):
    boxes, scores = draw(1500, 100), torch.rand(1500)
    theirs = oracle.nms(boxes, scores, iou_threshold=threshold, offset=offset)
    assert theirs.tolist() == nms(boxes, scores, threshold, offset)[1].tolist()
    assert 0 < len(theirs) < 1500


def test_nms_by_hand(ours):
    boxes = torch.tensor([[0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30], [0, 0, 10, 5.0]])
    scores = torch.tensor([0.6, 0.9, 0.1, 0.8])
    assert nms(boxes, scores, 0.5)[1].tolist() == [1, 2]  # 5/9 and 9/10 overlap
    assert nms(boxes, scores, 0.56)[1].tolist() == [1, 3, 2]
    assert nms(boxes.double(), scores.double(), 0.56)[1].tolist() == [1, 3, 2]
    assert nms(boxes.half(), scores.half(), 0.56)[1].tolist() == [1, 3, 2]
    assert nms(boxes[:0], scores[:0], 0.5)[1].tolist() == []
    # an overlap of exactly the threshold stays; of equal scores the first one is better
    assert nms(boxes[[1, 1]], scores[[0, 0]], 1.0)[1].tolist() == [0, 1]
    assert nms(boxes[[1, 1]], scores[[0, 0]], 0.99)[1].tolist() == [0]
    point = torch.tensor([[3.0, 3, 3, 3]] * 2)  # no area: overlaps nothing
    assert nms(point, scores[:2], 0.5)[1].tolist() == [1, 0]


def test_batched_nms_keeps_classes_apart(ours):
    boxes = torch.tensor([[0, 0, 10, 10.0]]).repeat(3, 1)
    dets, kept = batched_nms(
        boxes, torch.tensor([0.2, 0.9, 0.5]), torch.tensor([0, 0, 1]), dict(iou_threshold=0.5)
    )
    assert kept.tolist() == [1, 2] and dets[:, 4].tolist() == pytest.approx([0.9, 0.5])


@pytest.mark.parametrize('method', ['naive', 'linear', 'gaussian'])
@pytest.mark.parametrize('offset', [0, 1])
def test_soft_nms_equals_mmcv(oracle, draw, method, offset):
    boxes, scores = draw(300, 100), torch.rand(300)
    kwargs = dict(iou_threshold=0.3, sigma=0.5, min_score=0.05)
    expected = torch.zeros(300, 5)
    number = ['naive', 'linear', 'gaussian'].index(method)
    theirs = oracle.softnms(boxes, scores, expected, method=number, offset=offset, **kwargs)
    dets, kept = soft_nms(boxes, scores, method=method, offset=offset, **kwargs)
    assert kept.tolist() == theirs.tolist() and 0 < len(kept) < 300
    torch.testing.assert_close(dets, expected[: len(kept)], rtol=0, atol=1e-6)


def test_soft_nms_by_hand():
    boxes = torch.tensor([[0, 0, 10, 10], [0, 0, 10, 5], [20, 20, 30, 30.0]])
    scores = torch.tensor([0.9, 0.8, 0.01])
    dets, kept = soft_nms(boxes, scores, iou_threshold=0.3, min_score=0.1)
    assert kept.tolist() == [0, 1]
    assert dets[:, 4].tolist() == pytest.approx([0.9, 0.8 * (1 - 0.5)])
    dets, kept = soft_nms(boxes[:0], scores[:0])
    assert dets.shape == (0, 5) and not len(kept)


def test_nms_match_equals_mmcv(oracle, draw):
    dets = torch.cat([draw(200, 100), torch.rand(200, 1)], 1)
    theirs = [list(map(int, group)) for group in oracle.nms_match(dets, iou_threshold=0.4)]
    mine = [group.tolist() for group in nms_match(dets, 0.4)]
    assert mine == theirs and max(map(len, mine)) > 1
    assert sorted(box for group in mine for box in group) == list(range(200))

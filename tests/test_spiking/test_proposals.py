"""Proposals that change places are the same proposals."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from torch import nn

from mmsfa.apis.trained_model import build_model
from mmsfa.spiking import compare, in_float64
from mmsfa.spiking.proposals import ProposalOrder, in_order_of


def proposals(boxes: torch.Tensor) -> InstanceData:
    return InstanceData(bboxes=boxes, scores=torch.arange(len(boxes)))


BOXES = torch.tensor([[0, 0, 9, 9], [1, 1, 5, 5], [0, 0, 9, 9], [2, 2, 8, 8]]).double()


def test_the_order_of_the_first_pass() -> None:
    own = proposals(BOXES[[3, 1, 0, 2]] + 1e-14)
    found = in_order_of(proposals(BOXES), own)
    assert torch.allclose(found.bboxes, BOXES, atol=1e-12, rtol=0)
    assert sorted(found.scores.tolist()) == [0, 1, 2, 3], 'each of them once, equal boxes too'


@pytest.mark.parametrize(
    'other', [BOXES[:3], BOXES + 0.01, BOXES[[0, 1, 1, 3]], BOXES[:0]], ids=len
)
def test_other_proposals_stay_as_they_are(other: torch.Tensor) -> None:
    own = proposals(other)
    assert in_order_of(proposals(BOXES), own) is own


def test_no_proposals() -> None:
    own = proposals(BOXES[:0])
    assert in_order_of(proposals(BOXES[:0]), own) is own


def test_every_call_gets_its_own_order() -> None:
    given = [[proposals(BOXES)], [proposals(BOXES[[1, 0, 2, 3]])]]
    head = SimpleNamespace(predict=next)
    order = ProposalOrder(SimpleNamespace(rpn_head=head))
    original = head.predict
    with order.kept():
        calls = iter(given)
        assert [head.predict(calls), head.predict(calls)] == given
    mixed = [[proposals(BOXES.flip(0))] for _ in range(4)]  # two passes of two calls
    with order.repeated():
        calls = iter(mixed)
        found = [head.predict(calls)[0].bboxes for _ in range(4)]
    for i, boxes in enumerate(found):
        assert torch.equal(boxes, given[i % 2][0].bboxes)
    assert head.predict is original


def test_a_detector_whose_proposals_change_places_is_identical(
    repo_dir: Any, lively_weights: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/det/mask_rcnn_esf_demo.py')
    cfg.model.backbone.arch.depths = (1, 0, 0, 1, 0)
    model: nn.Module = lively_weights(build_model(cfg))
    predict, number = model.rpn_head.predict, iter(range(9))

    def shuffled(*args: Any, **kwargs: Any) -> list[InstanceData]:
        draw = torch.Generator().manual_seed(next(number))
        return [one[torch.randperm(len(one), generator=draw)] for one in predict(*args, **kwargs)]

    monkeypatch.setattr(model.rpn_head, 'predict', shuffled)
    meta = dict(img_shape=(64, 64), ori_shape=(64, 64), batch_input_shape=(64, 64))
    meta |= dict(scale_factor=(1.0, 1.0), pad_shape=(64, 64))
    from mmdet.structures import DetDataSample

    picture = torch.randint(256, (3, 64, 64), generator=torch.Generator().manual_seed(0))
    batch = dict(inputs=[picture], data_samples=[DetDataSample(metainfo=meta)])
    with in_float64(model):
        found = compare(model, [batch])
    behind = [one for one in found.layers if one.name.startswith('roi_head.bbox_head')]
    assert behind and all(one.counts and not one.flipped for one in behind)

"""NMS on NumPy keeps the boxes that mmcv's keeps, in its order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmcv.ops import batched_nms

from mmsfa.runtime import suppress


@pytest.mark.parametrize('split', [10000, 50])
def test_equal_to_mmcv(monkeypatch: pytest.MonkeyPatch, split: int) -> None:
    monkeypatch.setattr(suppress, 'SPLIT', split)
    draw = np.random.default_rng(0)
    corners = draw.uniform(0, 60, (300, 2))
    boxes = np.concatenate([corners, corners + draw.uniform(0, 30, (300, 2))], 1).astype(np.float32)
    scores = draw.integers(0, 40, 300).astype(np.float32) / 40  # many are equal
    labels = draw.integers(0, 3, 300)
    _, want = batched_nms(
        *map(torch.from_numpy, (boxes, scores, labels)),
        dict(type='nms', iou_threshold=0.4, split_thr=split),
    )
    got = suppress.nms(boxes, scores, labels, 0.4)
    if split == 50:  # the order of equal scores is torch's own there
        assert sorted(got.tolist()) == sorted(want.tolist())
        assert (np.diff(scores[got]) <= 0).all()
    else:
        assert got.tolist() == want.tolist()
    assert 20 < len(got) < 280


def test_no_boxes() -> None:
    empty = np.zeros(0, np.float32)
    assert len(suppress.nms(empty.reshape(0, 4), empty, empty, 0.5)) == 0

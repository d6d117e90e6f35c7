"""Priors and boxes of mmdet, on NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mmdet.models.task_modules import (
    AnchorGenerator,
    DeltaXYWHBBoxCoder,
    DistancePointBBoxCoder,
    MlvlPointGenerator,
    YOLOAnchorGenerator,
    YOLOBBoxCoder,
)
from mmdet.structures.bbox import scale_boxes

from mmsfa.export.whole.head_settings import coder_settings, level_settings
from mmsfa.runtime import boxes

GENERATORS = {
    'anchors': AnchorGenerator([8, (4, 16)], [0.5, 1.0], [2.0, 3.0], center_offset=0.5),
    'points': MlvlPointGenerator([8, (4, 16)], offset=0.25),
    'yolo': YOLOAnchorGenerator([32, 16], [[(11, 9), (8, 20)], [(3, 6), (5, 2)]]),
}


@pytest.mark.parametrize('kind', GENERATORS)
def test_priors(kind: str) -> None:
    generator, sizes = GENERATORS[kind], [(3, 5), (4, 2)]
    want = generator.grid_priors(sizes, device='cpu')
    for level, size, priors in zip(level_settings(generator), sizes, want, strict=True):
        np.testing.assert_allclose(boxes.anchors_of(level, *size), priors.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    'coder',
    [
        DeltaXYWHBBoxCoder([0.1, 0.0, 0.2, 0.0], [0.1, 0.2, 1.0, 2.0]),
        DeltaXYWHBBoxCoder(add_ctr_clamp=True, ctr_clamp=3, clip_border=False),
        DistancePointBBoxCoder(),
    ],
)
def test_boxes_of_coders(coder: Any) -> None:
    torch.manual_seed(0)
    width = 2 if isinstance(coder, DistancePointBBoxCoder) else 4
    priors = torch.rand(40, width) * 40
    priors[:, 2:] += priors[:, : width - 2]
    encoded = torch.randn(40, 4) * 4
    want = coder.decode(priors, encoded, max_shape=(50, 60))
    got = boxes.decode(coder_settings(coder), priors.numpy(), encoded.numpy(), (50, 60))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want.numpy(), rtol=1e-5, atol=1e-3)


def test_boxes_of_yolo() -> None:
    priors = torch.tensor([[1.0, 2, 9, 8], [4, 4, 30, 20]])
    encoded = torch.tensor([[0.2, 0.9, 0.3, -0.5], [0.5, 0.1, 0, 1]])
    want = YOLOBBoxCoder().decode(priors, encoded, 16)
    got = boxes.decode_yolo(priors.numpy(), encoded.numpy(), 16.0)
    np.testing.assert_allclose(got, want.numpy(), rtol=1e-5)


def test_boxes_of_the_original() -> None:
    found = torch.rand(5, 4) * 50
    want = scale_boxes(found, [1 / 1.7, 1 / 0.6])
    assert np.array_equal(boxes.to_original(found.numpy(), (1.7, 0.6)), want.numpy())


def test_shares() -> None:
    x = np.array([[-200.0, -1, 0, 3, 200]], np.float32)
    np.testing.assert_allclose(boxes.sigmoid(x), torch.from_numpy(x).sigmoid(), rtol=1e-6)
    np.testing.assert_allclose(boxes.softmax(x), torch.from_numpy(x).softmax(-1), rtol=1e-6)

"""Numbers, and what stands for none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmsfa.engine.measured import is_measured


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('mIoU', 0),
        ('mIoU', np.float64(31.5)),
        ('acc', torch.tensor(3.0)),
        ('coco/bbox_mAP', 0.0),
        ('r2', -1.0),  # in earnest
        ('mAPE', -1.0),
    ],
)
def test_numbers(name: str, value: object) -> None:
    assert is_measured(name, value)


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('mIoU', float('nan')),
        ('mIoU', np.float32('nan')),
        ('loss', float('inf')),
        ('acc', 'good'),
        ('acc', None),
        ('precision_classwise', [1.0, 2.0]),
        ('tensor', torch.ones(2)),
        ('coco/bbox_mAP', -1.0),
        ('coco/segm_mAP_50', -1),
        ('coco/bbox_mAP_s', np.float64(-1)),
        ('AR@100', -1.0),
        ('AR_s@1000', -1.0),
        ('lvis/bbox_APr', -1.0),
    ],
)
def test_nothing(name: str, value: object) -> None:
    assert not is_measured(name, value)

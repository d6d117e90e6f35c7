"""Masks in the picture as mmdet pastes them, run lengths as pycocotools writes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmdet.models.roi_heads.mask_heads.fcn_mask_head import _do_paste_mask
from pycocotools import mask as coco_mask

from mmsfa.runtime.masks import encode, paste, run_lengths


def test_pasted_as_mmdet_does() -> None:
    draw = np.random.default_rng(0)
    masks = draw.random((5, 14, 14)).astype(np.float32)
    boxes = np.array(
        [[2, 3, 20, 30], [-4.5, 10.2, 12.1, 47], [30.7, 1, 55, 9.3], [8, 8, 8, 20], [0, 0, 50, 40]],
        np.float32,
    )
    got = paste(masks, boxes, (40, 50), 0.5)
    for mask, box, ours in zip(masks, boxes, got, strict=True):
        want = torch.zeros(40, 50, dtype=torch.bool)
        part, place = _do_paste_mask(
            torch.tensor(mask)[None, None], torch.tensor(box)[None], 40, 50
        )
        want[place] = part[0] >= 0.5
        assert np.array_equal(ours, want.numpy())


@pytest.mark.parametrize('kind', ['noise', 'ones', 'zeros', 'column', 'long'])
def test_run_lengths_as_pycocotools_writes_them(kind: str) -> None:
    mask = np.zeros((70, 90), bool)
    if kind == 'noise':
        mask = np.random.default_rng(0).random((70, 90)) > 0.4
    elif kind == 'ones':
        mask[:] = True
    elif kind == 'column':
        mask[:, 3] = True
    elif kind == 'long':
        mask[5:60, 2] = mask[:, 10:80] = mask[3, 85] = True
    want = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    got = encode(mask)
    assert got == dict(size=want['size'], counts=want['counts'].decode())
    assert sum(run_lengths(mask)) == mask.size

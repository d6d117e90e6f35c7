"""Resizing without OpenCV and torch gives what they give."""

from __future__ import annotations

import cv2
import mmcv
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmsfa.runtime.resize import resize_map, resize_picture

SIZES = [(64, 64, 128, 128), (48, 64, 24, 32), (50, 60, 113, 97), (97, 33, 31, 150), (1, 1, 5, 7)]


@pytest.mark.parametrize('size', [*SIZES, (7, 5, 1, 1), (40, 60, 40, 60), (64, 40, 32, 41)])
def test_bytes_as_opencv_bit_for_bit(size: tuple[int, ...]) -> None:
    H, W, height, width = size
    picture = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)
    want = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(resize_picture(picture, height, width, 'cv2', 'bilinear'), want)


@pytest.mark.parametrize('interpolation', ['bilinear', 'bicubic'])
def test_bytes_as_mmcv_with_pillow(interpolation: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    want = mmcv.imresize(picture, (21, 50), interpolation=interpolation, backend='pillow')
    assert np.array_equal(resize_picture(picture, 50, 21, 'pillow', interpolation), want)


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('size', SIZES)
def test_maps_as_torch(size: tuple[int, ...], align_corners: bool) -> None:
    H, W, height, width = size
    maps = np.random.default_rng(0).normal(size=(4, H, W)).astype(np.float32)
    want = F.interpolate(
        torch.from_numpy(maps)[None], (height, width), mode='bilinear', align_corners=align_corners
    )[0]
    got = resize_map(maps, height, width, align_corners)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want.numpy(), rtol=0, atol=1e-5)

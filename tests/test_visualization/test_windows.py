"""Windows over a picture, against those of mmseg."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmseg.models import EncoderDecoder
from torch import Tensor

from mmsfa.visualization.windows import Window, windows_of


def cfg(crop_size: tuple[int, int], stride: tuple[int, int]) -> dict:
    return dict(mode='slide', crop_size=crop_size, stride=stride)


@pytest.mark.parametrize('test_cfg', [None, {}, dict(mode='whole', crop_size=(2, 2))])
def test_without_sliding_the_picture_is_one_window(test_cfg: dict | None) -> None:
    (window,) = windows_of(test_cfg, 5, 7)
    assert window == (0, 5, 0, 7) and window.size == (5, 7)


@pytest.mark.parametrize(
    ('size', 'crop_size', 'stride'),
    [
        ((10, 12), (4, 4), (4, 4)),
        ((10, 12), (4, 5), (3, 2)),  # the last ones are moved back
        ((3, 12), (4, 4), (3, 3)),  # lower than a window
        ((4, 4), (4, 4), (1, 1)),
        ((9, 20), (4, 8), (4, 8)),
    ],
)
def test_they_are_those_that_mmseg_slides(size: tuple, crop_size: tuple, stride: tuple) -> None:
    crops: list[Tensor] = []
    model = SimpleNamespace(
        test_cfg=SimpleNamespace(**cfg(crop_size, stride)),
        out_channels=1,
        encode_decode=lambda crop, _: crops.append(crop) or crop,
    )
    picture = torch.arange(float(size[0] * size[1])).view(1, 1, *size)
    EncoderDecoder.slide_inference(model, picture, [{}])
    windows = windows_of(cfg(crop_size, stride), *size)
    assert len(windows) == len(crops)
    for window, crop in zip(windows, crops, strict=True):
        assert torch.equal(picture[(..., *window.place)], crop)
        assert window.size == crop.shape[-2:]


def test_rows_come_first() -> None:
    windows = windows_of(cfg((2, 3), (2, 3)), 3, 4)
    assert windows == [
        Window(0, 2, 0, 3),
        Window(0, 2, 1, 4),
        Window(1, 3, 0, 3),
        Window(1, 3, 1, 4),
    ]

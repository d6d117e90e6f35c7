"""Windows, padding and classes of pixels. Whole segmentors: test_model.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmsfa.runtime.picture import Prepared
from mmsfa.runtime.segmentation import segment


class Channels:
    """As a folder whose scores are the picture, or its first channel."""

    def __init__(self, number: int = 3, windows: Any = None) -> None:
        self.number, self.seen = number, []
        self.settings = dict(segmentation=dict(windows=windows, align_corners=False, threshold=0.5))

    def run(self, name: str, image: np.ndarray) -> dict[str, np.ndarray]:
        self.seen.append(image.shape[-2:])
        return dict(scores=image[:, : self.number])


def picture(height: int, width: int, original: tuple[int, int] | None = None) -> Prepared:
    image = np.random.default_rng(0).normal(size=(1, 3, height, width)).astype(np.float32)
    return Prepared(image, (height, width), original or (height, width), (1.0, 1.0))


@pytest.mark.parametrize(('size', 'number'), [((50, 70), 6), ((20, 20), 1), ((48, 64), 1)])
def test_windows_cover_all(size: tuple[int, int], number: int) -> None:
    folder = Channels(windows=dict(size=[48, 64], stride=[30, 5]))
    x = picture(*size)
    found = segment(folder, x)
    assert np.array_equal(found.labels, x.image[0].argmax(0)), 'windows agree where they overlap'
    assert len(folder.seen) == number
    assert set(folder.seen) == {(min(size[0], 48), min(size[1], 64))}


def test_padding_is_cut_off() -> None:
    x = picture(40, 60)
    x.size = x.original_size = (33, 50)
    assert np.array_equal(segment(Channels(), x).labels, x.image[0, :, :33, :50].argmax(0))
    assert segment(Channels(), picture(40, 60, (80, 30))).labels.shape == (80, 30)


def test_one_channel_tells_two_classes_apart() -> None:
    x = picture(8, 9)
    assert np.array_equal(segment(Channels(1), x).labels, (x.image[0, 0] > 0).astype(int))

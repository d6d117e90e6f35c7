"""Clips of grey pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmsfa.datasets.events.transforms.har_dvs_frames import two_channels
from mmsfa.errors import UserError


def test_the_published_two_channel_rule() -> None:
    grey = np.array([[0, 0.119, 0.12, 0.3, 0.301, 0.78, 0.781, 1]])
    channels = two_channels(grey)
    assert channels.dtype == np.float32
    assert channels[0, :, 0].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert channels[0, :, 1].tolist() == [0, 0, 0, 0, 1, 1, 0, 0]


@pytest.fixture
def clip(tmp_path: Path):
    def write(number: int) -> dict:
        """Frame i has i dark pixels, 10 medium ones and a bright rest."""
        for index in range(number):
            grey = np.full((20, 30), 255, np.uint8)
            grey[1, :index] = 10
            grey[2, :10] = 128
            cv2.imwrite(str(tmp_path / f'{index:04d}.png'), cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
        return dict(img_path=str(tmp_path))

    return write


def dark_pixels(img: np.ndarray) -> list[int]:
    return img[..., 0::2].sum((0, 1)).astype(int).tolist()


def test_a_clip_is_read_in_the_order_of_its_names(build, clip) -> None:
    sample = clip(15)
    middle = build('LoadEventFrames', T=8, start='middle')(dict(sample))
    assert dark_pixels(middle['img']) == list(range(3, 11))
    assert middle['img'][..., 1::2].sum((0, 1)).tolist() == [10] * 8
    assert middle['img'].shape == (20, 30, 16) and middle['img_shape'] == (20, 30)
    starts = set()
    for _ in range(60):
        numbers = dark_pixels(build('LoadEventFrames', T=8)(dict(sample))['img'])
        assert numbers == list(range(numbers[0], numbers[0] + 8))
        starts.add(numbers[0])
    assert starts == set(range(8))


def test_a_short_clip_ends_with_empty_frames(build, clip) -> None:
    img = build('LoadEventFrames', T=8, start='middle')(clip(3))['img']
    assert dark_pixels(img) == [0, 1, 2, 0, 0, 0, 0, 0]
    assert not img[..., 6:].any()


def test_broken_clips_are_named(build, clip, tmp_path: Path) -> None:
    load = build('LoadEventFrames', T=8)
    with pytest.raises(UserError, match=f'{tmp_path} has none'):
        load(dict(img_path=str(tmp_path)))
    sample = clip(3)
    cv2.imwrite(str(tmp_path / '0001.png'), np.zeros((5, 6), np.uint8))
    with pytest.raises(UserError, match=r'0001.png has \(5, 6\) instead of \(20, 30\)'):
        load(sample)
    (tmp_path / '0001.png').write_bytes(b'')
    with pytest.raises(UserError, match='0001.png cannot be read'):
        load(sample)


@pytest.mark.parametrize(('kind', 'settings', 'words'), [
    ('LoadEventFrames', dict(T=0), 'T .* got 0'),
    ('LoadEventFrames', dict(start='first'), "got 'first'"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(build, kind: str, settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(kind, **settings)

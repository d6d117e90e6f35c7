"""A video in, a video of predictions and firing maps out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmsfa.errors import UserError
from mmsfa.visualization.spiking_view import View
from mmsfa.visualization.video import is_video, write_video


class Echo:
    """A viewer whose prediction is the picture itself."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def look(self, path: Path) -> View:
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        self.seen.append(int(picture.mean()))
        return View(path.name, picture, picture, np.full(picture.shape[:2], 0.1), {}, 1)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Three frames that become brighter."""
    path = tmp_path / 'film.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 5, (64, 48))
    for grey in (40, 120, 200):
        writer.write(np.full((48, 64, 3), grey, np.uint8))
    writer.release()
    return path


def test_every_frame_is_seen_and_drawn(video: Path, tmp_path: Path) -> None:
    assert is_video(video) and not is_video(tmp_path / 'none.avi')
    viewer = Echo()
    for name in ('film.mp4', 'film-2.mp4'):  # nothing is overwritten
        number, target = write_video(viewer, video, tmp_path / 'out')
        assert number == 3 and target == tmp_path / 'out' / name
    assert np.abs(np.array(viewer.seen) - [40, 120, 200] * 2).max() < 4
    drawn = cv2.VideoCapture(str(target))
    frames = [drawn.read()[1] for _ in range(3)]
    assert not drawn.read()[0] and drawn.get(cv2.CAP_PROP_FPS) == 5
    height, width = frames[0].shape[:2]
    middle = [frame[height // 2, width // 4].mean() for frame in frames]
    assert np.abs(np.array(middle) - [40, 120, 200]).max() < 12


def test_frames_where_opencv_writes_no_videos(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2.VideoWriter, 'isOpened', lambda self: False)
    number, target = write_video(Echo(), video, tmp_path / 'out')
    assert number == 3 and target == tmp_path / 'out' / 'film'
    assert sorted(path.name for path in target.iterdir()) == [f'00000{i}.png' for i in range(3)]


def test_what_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / 'junk.mp4'
    path.write_bytes(b'junk')
    with pytest.raises(UserError, match=r'junk\.mp4 cannot be read as a video'):
        write_video(Echo(), path, tmp_path / 'out')


def test_a_gif_is_a_video_if_it_moves(tmp_path: Path) -> None:
    first, *others = (Image.new('L', (48, 32), grey) for grey in (40, 120, 200))
    still, moving = tmp_path / 'still.gif', tmp_path / 'moving.gif'
    first.save(still)
    first.save(moving, save_all=True, append_images=others)
    (tmp_path / 'broken.gif').write_bytes(b'GIF89a')
    assert is_video(moving)
    assert not is_video(still) and not is_video(tmp_path / 'broken.gif')
    assert write_video(Echo(), moving, tmp_path / 'out')[0] == 3


def test_a_header_without_frames(video: Path, tmp_path: Path) -> None:
    content = video.read_bytes()
    start = content.index(b'movi') + 4
    length = content.index(b'idx1') - start
    video.write_bytes(content[:start] + bytes(length) + content[start + length :])
    with pytest.raises(UserError, match='film.avi cannot be read as a video'):
        write_video(Echo(), video, tmp_path / 'out')

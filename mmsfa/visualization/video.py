"""A video seen by a spiking model, frame by frame."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

import cv2
import mmcv
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from rich.progress import track

from mmsfa.errors import UserError

from .pictures import free_target
from .side_by_side import side_by_side
from .spiking_view import Viewer

VIDEOS = (
    *('.3gp', '.avi', '.flv', '.m2ts', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.mts'),
    *('.ogv', '.ts', '.webm', '.wmv'),
)


def is_video(path: Path) -> bool:
    """Whether a file is a video, by its suffix; a GIF is one if it moves."""
    if not path.is_file():
        return False
    return path.suffix.lower() in VIDEOS or (path.suffix.lower() == '.gif' and _moves(path))


def _moves(path: Path) -> bool:
    with suppress(OSError), Image.open(path) as picture:
        return getattr(picture, 'n_frames', 1) > 1
    return False


def write_video(viewer: Viewer, source: Path, out: Path) -> tuple[int, Path]:
    """Draw every frame as `side_by_side` does.

    Each frame goes through the pipeline of the config as a picture file of its own, so that
    nothing differs from pictures.

    Args:
        viewer: Shows pictures to the model.
        source: A video.
        out: Folder for the result.

    Returns:
        Number of frames, and the video; a folder of PNG files where OpenCV can write no videos.

    Raises:
        UserError: OpenCV cannot read the video.
    """
    unreadable = UserError(
        f'{source} cannot be read as a video: it is broken, or OpenCV lacks its codec. Give a '
        'folder of its frames as pictures instead.'
    )
    reader = mmcv.VideoReader(str(source))
    if not reader.opened or reader.frame_cnt == 0:
        raise unreadable
    out.mkdir(parents=True, exist_ok=True)
    target = free_target(out / f'{source.stem}.mp4', source)
    number = 0
    writer: cv2.VideoWriter | None = None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f'{source.stem}.png')
        for frame in track(reader, 'frames', total=reader.frame_cnt):
            if frame is None:  # the header promised more than can be decoded
                break
            cv2.imwrite(str(path), frame)
            drawn = _even(_draw(viewer, path))
            if number == 0:
                size = drawn.shape[1::-1]
                writer, target = _open(target, reader.fps, size)
            if writer is not None:
                writer.write(cv2.resize(drawn, size) if drawn.shape[1::-1] != size else drawn)
            else:
                cv2.imwrite(str(target / f'{number:06d}.png'), drawn)
            number += 1
    if number == 0:
        raise unreadable
    if writer is not None:
        writer.release()
    return number, target


def _draw(viewer: Viewer, path: Path) -> np.ndarray:
    """The figure of one frame, shape (H, W, 3), BGR."""
    canvas = FigureCanvasAgg(side_by_side(viewer.look(path)))
    canvas.draw()
    return cv2.cvtColor(np.asarray(canvas.buffer_rgba()), cv2.COLOR_RGBA2BGR)


def _even(picture: np.ndarray) -> np.ndarray:
    """Codecs want even sides."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(picture[: height - height % 2, : width - width % 2])


def _open(target: Path, fps: float, size: tuple[int, ...]) -> tuple[cv2.VideoWriter | None, Path]:
    code = cv2.VideoWriter.fourcc(*'mp4v')
    writer = cv2.VideoWriter(str(target), code, fps if fps > 0 else 25, size)
    if writer.isOpened():
        return writer, target
    folder = free_target(target.with_suffix(''), target)
    folder.mkdir()
    return None, folder

"""Which pictures are shown turned or mirrored, and whether the loader of a config turns them.

A camera that is held upright often stores its rows as they come and says in the EXIF data how to
turn them. mmcv turns such a picture or not, by decoder, format and ``color_type``; boxes and label
maps are never turned.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any, NamedTuple

import mmcv
import numpy as np

from mmsfa.model_parts import get

from .picture_header import HEAD_BYTES, read_header

Size = tuple[int, int]
# Only these formats can say how they are shown.
_FORMATS = ('JPEG', 'PNG', 'TIFF', 'WebP', 'AVIF')
_ORIENTATION = 0x0112


class Reading(NamedTuple):
    """How ``LoadImageFromFile`` reads a picture: two of its options, with their defaults."""

    color_type: str = 'color'
    imdecode_backend: str = 'cv2'

    def __str__(self) -> str:
        return f'color_type={self.color_type!r}, imdecode_backend={self.imdecode_backend!r}'


LABEL_MAP = Reading('unchanged', 'pillow')  # of mmseg
_COLOURS = ('color', 'color_ignore_orientation')


def reading_of(pipeline: Any) -> Reading | None:
    """How the pictures of a data set are read.

    Args:
        pipeline: A pipeline, or its settings.

    Returns:
        None if no ``LoadImageFromFile`` is there.
    """
    steps = pipeline if isinstance(pipeline, (list, tuple)) else get(pipeline, 'transforms')
    for step in steps or ():
        kind = step.get('type') if isinstance(step, dict) else type(step)
        name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
        if name.endswith('LoadImageFromFile'):
            return Reading(*(get(step, key) or value for key, value in Reading()._asdict().items()))
    return None


class Stored(NamedTuple):
    """A picture as it lies in its file.

    Attributes:
        kind: Name of the format; '' for what is no picture.
        size: (width, height) in pixels; None where only decoding would tell.
        orientation: 2..8 if it is to be shown turned or mirrored, 1 if not (EXIF's numbers).
    """

    kind: str = ''
    size: Size | None = None
    orientation: int = 1


def stored(path: str) -> Stored:
    """Size and orientation of a picture, without decoding it.

    Args:
        path: A local file.
    """
    with open(path, 'rb', buffering=0) as file:
        header = read_header(file.read(HEAD_BYTES), file)
    kind = '' if header is None else header.format
    if header is not None and header.size is not None:
        return Stored(kind, header.size, header.orientation)
    from PIL import Image, UnidentifiedImageError  # reads the header only

    try:
        with Image.open(path) as image:
            size, orientation = image.size, 1
            if kind in _FORMATS:
                orientation = image.getexif().get(_ORIENTATION, 1)
            if kind == 'TIFF' and {256, 257} <= set(image.tag_v2):
                size = image.tag_v2[256], image.tag_v2[257]  # newer Pillow has turned image.size
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return Stored(kind)
    return Stored(kind, size, orientation if orientation in range(1, 9) else 1)


@cache
def turns(kind: str, reading: Reading) -> bool:
    """Whether pictures of a format are turned as they say, by trying a small one.

    Args:
        kind: A format, as `Stored` names it.
        reading: How they are read.
    """
    from PIL import Image

    exif = Image.Exif()
    exif[_ORIENTATION] = 6  # a quarter turn
    buffer = io.BytesIO()
    try:
        Image.new('RGB', (32, 16)).save(buffer, kind, exif=exif.tobytes())
        picture = mmcv.imfrombytes(buffer.getvalue(), *_for_mmcv(reading))
        return np.shape(picture)[:2] == (32, 16)
    except Exception:  # no such decoder here, or not for this format: nothing will be read at all
        return False


def _for_mmcv(reading: Reading) -> tuple[str, str, str]:
    return reading.color_type, 'bgr', reading.imdecode_backend


def is_turned(picture: Stored, reading: Reading) -> bool:
    """Whether a picture comes out of the decoder in another way than it is stored."""
    return picture.orientation != 1 and turns(picture.kind, reading)


def read_size(path: str, reading: Reading) -> Size | None:
    """(width, height) in pixels of a picture as it is read; None where only decoding would tell."""
    picture = stored(path)
    return _read_size(picture, reading)


def _read_size(picture: Stored, reading: Reading) -> Size | None:
    if picture.size and picture.orientation >= 5 and turns(picture.kind, reading):
        return picture.size[::-1]
    return picture.size


def misread(picture: Stored, annotated: Size, reading: Reading) -> str | None:
    """Compare a picture as it is read with the size that its annotations are for.

    Args:
        picture: What `stored` says.
        annotated: (width, height) in pixels.
        reading: How it is read.

    Returns:
        One short phrase, or None.
    """
    size = _read_size(picture, reading)
    if size is None or size == tuple(annotated):
        return None
    is_read, for_what = (f'{width} x {height}' for width, height in (size, annotated))
    if picture.orientation < 5 or size[::-1] != tuple(annotated):
        return f'a picture of {is_read} pixels, but its annotations are for {for_what}'
    ways = ('turned', 'as it is stored') if size != picture.size else ('as it is stored', 'turned')
    return (
        f'with orientation tag {picture.orientation} (EXIF) it is read {ways[0]}, {is_read} '
        f'pixels, but its annotations are for {for_what}, {ways[1]}: '
        f'{_other_way(picture.kind, reading)}'
    )


def _other_way(kind: str, reading: Reading) -> str:
    """The setting that reads a format the other way."""
    wanted = not turns(kind, reading)
    own = [Reading(colour, reading.imdecode_backend) for colour in _COLOURS]
    others = [Reading(colour, backend) for backend in ('cv2', 'pillow') for colour in _COLOURS]
    for other in (*own, *others):
        if turns(kind, other) == wanted:
            return f'set {other} of LoadImageFromFile'
    return 'write the file anew without the tag'

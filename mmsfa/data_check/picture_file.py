"""What is wrong with the file of a picture, if anything."""

from __future__ import annotations

import os
import stat
import warnings
from typing import BinaryIO

import cv2
import numpy as np

from .picture_header import HEAD_BYTES, JPEG_END, PNG_END, Header, read_header

_ENDS = {'JPEG': (JPEG_END, 'FFD9'), 'PNG': (PNG_END, 'IEND')}


def check_picture(path: str, deep: bool = False) -> str | None:
    """Look for what would stop a training, or let it learn from half a picture.

    Args:
        path: A local file.
        deep: Decode all of it, as training does. Otherwise a few hundred bytes at both ends are
            read, which takes microseconds.

    Returns:
        One short phrase, or None for a sound file.
    """
    if (fault := check_file(path)) is not None:
        return fault
    try:
        with open(path, 'rb', buffering=0) as file:
            fault = _check_ends(file)
        return fault or (_check_pixels(path) if deep else None)
    except OSError as error:
        return f'cannot be read ({error.strerror or error})'


def check_file(path: str) -> str | None:
    """As `check_picture` for a file of any kind: there, a file, readable and not empty."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return 'missing (a dangling link)' if os.path.islink(path) else 'missing'
    except OSError as error:
        return f'cannot be reached ({error.strerror or error})'
    if stat.S_ISDIR(status.st_mode):
        return 'a folder, not a file'
    if not stat.S_ISREG(status.st_mode):
        return 'a device or pipe, not a file'
    if not os.access(path, os.R_OK):
        return 'no permission to read it'
    return None if status.st_size else 'empty (0 bytes)'


def _check_ends(file: BinaryIO) -> str | None:
    head = file.read(HEAD_BYTES)
    header = read_header(head, file)
    if header is None:
        return f'no picture, or its header is broken (it begins with {head[:8]!r})'
    if header.size is not None and 0 in header.size:
        return f'a {header.format} of zero size ({header.size[0]} x {header.size[1]} pixels)'
    if header.format in _ENDS and not _has_end(file, header):
        return f'truncated ({header.format} without its end mark {_ENDS[header.format][1]})'
    return None


def _has_end(file: BinaryIO, header: Header) -> bool:
    """Whether the end mark stands behind the header.

    It is the last thing in nearly every file. Some cameras append data of any length, so that the
    whole file is searched before it is called truncated: pixels cannot contain the mark of JPEG.
    """
    mark = _ENDS[header.format][0]
    size = file.seek(0, os.SEEK_END)
    start = max(header.end, size - HEAD_BYTES)
    file.seek(start)
    if mark in file.read():
        return True
    file.seek(header.end)
    return mark in file.read(start - header.end + len(mark))


def _check_pixels(path: str) -> str | None:
    """Decode with OpenCV, as mmcv does, and with Pillow, which refuses half a picture."""
    data = np.fromfile(path, np.uint8)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error as error:  # more pixels than OpenCV allows, for example
        return f'OpenCV cannot decode it ({error.err})'
    if image is None:
        return 'OpenCV cannot decode it'
    return _refusal_of_pillow(path)


def _refusal_of_pillow(path: str) -> str | None:
    from PIL import Image, UnidentifiedImageError  # not needed for the quick look

    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # many pixels, odd EXIF data: no fault
            with Image.open(path) as image:
                image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, NotImplementedError):
        return None  # Pillow's own limits; OpenCV could read it
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        return f'damaged ({error})'
    return None

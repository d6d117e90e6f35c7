"""The bytes of one picture of noise, 60 x 40 pixels, in any format."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

PICTURE = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)


def encoded(suffix: str) -> bytes:
    """The picture in the format of a suffix such as ``.png``."""
    return cv2.imencode(suffix, PICTURE)[1].tobytes()


def tagged(suffix: str, orientation: int) -> bytes:
    """The same pixels with an orientation tag: how they are to be shown."""
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    kind = Image.registered_extensions()[suffix]
    Image.fromarray(PICTURE).save(buffer, kind, exif=exif.tobytes())
    return buffer.getvalue()


JPEG, PNG = encoded('.jpg'), encoded('.png')

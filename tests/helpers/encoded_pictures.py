"""The bytes of one picture of noise, 60 x 40 pixels, in any format."""

from __future__ import annotations

import cv2
import numpy as np

PICTURE = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)


def encoded(suffix: str) -> bytes:
    """The picture in the format of a suffix such as ``.png``."""
    return cv2.imencode(suffix, PICTURE)[1].tobytes()


JPEG, PNG = encoded('.jpg'), encoded('.png')

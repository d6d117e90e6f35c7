"""Digits of 8 x 8 pixels, drawn in several fonts: a stand-in for those of scikit-learn."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX)


def small_digits(number: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures in [0, 1], shape (number, 1, 8, 8), and their digits; a little turned."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, number)
    pictures = np.zeros((number, 64, 64), np.uint8)
    for picture, label in zip(pictures, labels, strict=True):
        font, thick = FONTS[rng.integers(len(FONTS))], int(rng.integers(5, 9))
        scale = rng.uniform(1.7, 2.1)
        cv2.putText(picture, str(label), (12, 54), font, scale, 255, thick, cv2.LINE_AA)
        turn = cv2.getRotationMatrix2D((32, 32), rng.uniform(-8, 8), 1)
        turn[:, 2] += rng.uniform(-3, 3, 2)
        picture[:] = cv2.warpAffine(picture, turn, (64, 64))
    small = pictures.reshape(number, 8, 8, 8, 8).mean((2, 4)) / 255
    return torch.tensor(small[:, None], dtype=torch.float32), torch.tensor(labels)

"""Draw results with Pillow."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from .results import Classification, Instances, Result, Segmentation

Colour = tuple[int, int, int]
GOLDEN = 0.618034  # turns of the hue: neighbours look unlike each other


def draw(
    picture: np.ndarray, found: Result, settings: dict[str, Any], score_thr: float = 0.3
) -> Image.Image:
    """A picture with what was found in it.

    Args:
        picture: Red, green and blue bytes, (H, W, 3).
        found: The result for it.
        settings: Of the `Folder`: classes and their colours.
        score_thr: Instances of a smaller score are not drawn.

    Returns:
        A new picture of the same size.
    """
    classes = settings['classes']
    colours = colours_of(settings)
    if isinstance(found, Segmentation):
        return Image.fromarray(_mixed(picture, np.array(colours, np.uint8)[found.labels]))
    if isinstance(found, Classification):
        image = Image.fromarray(picture)
        best = found.label
        _write(
            ImageDraw.Draw(image), (2, 2), f'{classes[best]} {found.scores[best]:.2f}', (0, 0, 0)
        )
        return image
    found = found.take(np.flatnonzero(found.scores >= score_thr))
    image = Image.fromarray(_with_masks(picture, found, colours))
    pen = ImageDraw.Draw(image)
    for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True):
        x1, y1, x2, y2 = map(float, box)
        pen.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=colours[label])
        _write(pen, (x1 + 1, y1), f'{classes[label]} {score:.2f}', colours[label])
    return image


def colours_of(settings: dict[str, Any]) -> list[Colour]:
    """One colour a class: those of the data, or hues far from each other."""
    number, palette = len(settings['classes']), settings['palette'] or []
    if len(palette) >= number:
        return [(r, g, b) for r, g, b in palette[:number]]
    hues = [colorsys.hsv_to_rgb(i * GOLDEN % 1, 0.8, 0.95) for i in range(number)]
    return [(round(255 * r), round(255 * g), round(255 * b)) for r, g, b in hues]


def _mixed(picture: np.ndarray, colour: Any) -> np.ndarray:
    return (picture // 2 + np.asarray(colour, np.uint8) // 2).astype(np.uint8)


def _with_masks(picture: np.ndarray, found: Instances, colours: list[Colour]) -> np.ndarray:
    if found.masks is None:
        return picture
    painted = picture.copy()
    for mask, label in zip(found.masks, found.labels, strict=True):
        painted[mask] = _mixed(picture[mask], colours[label])
    return painted


def _write(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, colour: Colour) -> None:
    """Text on a dark ground."""
    left, top, right, bottom = pen.textbbox(place, text)
    pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=(0, 0, 0))
    light: Colour = (255, 255, 255) if sum(colour) < 200 else colour
    pen.text(place, text, fill=light)

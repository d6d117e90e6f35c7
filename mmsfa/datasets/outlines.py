"""Outlines of things as signed distances: negative inside, zero on the outline, in pixels.

All take coordinate planes ``u`` and ``v`` of shape (H, W) around the thing's centre and the
``radius`` of the circle of the same area, so that area does not tell the class.
"""

import math

import numpy as np

Array = np.ndarray


def circle(u: Array, v: Array, radius: float) -> Array:
    """A disc."""
    return np.hypot(u, v) - radius


def square(u: Array, v: Array, radius: float) -> Array:
    """A square along the axes."""
    half_side = radius * math.sqrt(math.pi) / 2
    return np.maximum(np.abs(u), np.abs(v)) - half_side


def triangle(u: Array, v: Array, radius: float) -> Array:
    """An equilateral triangle with one side along ``u``."""
    inner_radius = radius * math.sqrt(math.pi / (3 * math.sqrt(3)))
    slanted_sides = 0.5 * v + math.sqrt(0.75) * np.abs(u)
    return np.maximum(slanted_sides, -v) - inner_radius


# The thing classes, in the order of their labels.
OUTLINES = {'circle': circle, 'square': square, 'triangle': triangle}

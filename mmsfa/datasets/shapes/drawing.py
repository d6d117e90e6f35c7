"""Outlines of the shapes, and the textures that fill them.

All take coordinate planes ``u`` and ``v`` of shape (H, W), in pixels. Outlines are signed distances
around the thing's centre: negative inside, zero on the outline; ``radius`` is that of the circle
of the same area, so that area does not tell the class. Textures give a mixing weight in [0, 1] for
every pixel; rotating or shifting the planes beforehand rotates or shifts the texture.
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


def _soft(wave: Array, steepness: float = 3.0) -> Array:
    """Turn a wave in [-1, 1] into weights in [0, 1] with smooth edges."""
    return np.clip(0.5 + 0.5 * steepness * wave, 0.0, 1.0)


def _wave(position: Array, period: float, phase: float) -> Array:
    return np.sin(2 * math.pi * (position / period + phase))


def ramp(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """A linear change from one side to the other."""
    extent = max(np.ptp(u), 1.0)
    return (u - u.min()) / extent


def stripes(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Parallel bars across ``u``."""
    return _soft(_wave(u, rng.uniform(7, 13), rng.random()))


def checks(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """A chess board."""
    period = rng.uniform(11, 18)
    return _soft(_wave(u, period, rng.random()) * _wave(v, period, rng.random()), 6.0)


def dots(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Round spots on a square lattice."""
    period = rng.uniform(8, 13)
    return _soft(_wave(u, period, rng.random()) + _wave(v, period, rng.random()) - 0.7)


def grid(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Thin lines in both directions."""
    period = rng.uniform(9, 15)
    lines = np.maximum(_wave(u, period, rng.random()), _wave(v, period, rng.random()))
    return _soft(lines - 0.75, 5.0)


def clouds(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Smooth noise of three scales. It has no direction, so ``u`` and ``v`` give the size only."""
    total = np.zeros(u.shape)
    for cells, weight in ((4, 0.5), (9, 0.3), (20, 0.2)):
        total += weight * _smooth_noise(rng, u.shape, cells)
    return np.clip(0.5 + 2.0 * (total - 0.5), 0.0, 1.0)


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], cells: int) -> Array:
    """Random values on a (cells + 1, cells + 1) lattice, interpolated to ``shape``."""
    lattice = rng.random((cells + 1, cells + 1))
    for axis, length in enumerate(shape):
        place = np.linspace(0, cells, length, endpoint=False)
        low = place.astype(int)
        part = place - low
        part = part * part * (3 - 2 * part)
        part = part[:, None] if axis == 0 else part
        lattice = (1 - part) * lattice.take(low, axis) + part * lattice.take(low + 1, axis)
    return lattice


# What may cover a thing, whatever its class.
SURFACES = (ramp, stripes, checks, dots, clouds)
# The background classes, in the order of their labels.
BACKGROUNDS = {'stripes': stripes, 'grid': grid, 'clouds': clouds}

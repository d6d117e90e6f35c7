"""Draw **Shapes**: textured circles, squares and triangles that hide each other.

One picture serves instance segmentation (three thing classes) and semantic segmentation (the same
three and three background classes). The outline decides a thing's class, and the hue is a hint
that is wrong for one thing in six, so that a small network learns the classes in minutes; area,
rotation and texture are drawn in the same way for all three. A background's class is its texture,
and things may wear such textures too.
"""

import colorsys
import math
from typing import NamedTuple

import numpy as np

from .drawing import BACKGROUNDS, OUTLINES, SURFACES

Array = np.ndarray

THINGS = tuple(OUTLINES)
STUFF = tuple(BACKGROUNDS)
CLASSES = THINGS + STUFF
PALETTE = (
    (230, 80, 60),
    (60, 140, 230),
    (250, 190, 50),
    (120, 90, 160),
    (70, 150, 130),
    (170, 170, 170),
)

MAX_THINGS = 3
DIAMETERS = (32.0, 60.0)  # pixels of 128: the diameter of the circle of the same area
HUE_SPREAD = 0.12  # standard deviation around a class's hue, in turns; classes are 1/3 apart
MIN_VISIBLE = 0.6  # share of a thing's pixels that the later ones must leave in sight
_FULL_SIZE = 128


class Instance(NamedTuple):
    """One visible thing.

    Attributes:
        label: Index into ``THINGS``.
        mask: Visible pixels, bool, shape (H, W).
    """

    label: int
    mask: Array


class _Thing(NamedTuple):
    """A thing before anything hides it: class, distance (H, W) and own coordinates (H, W)."""

    label: int
    distance: Array  # pixels to the outline, negative inside
    u: Array
    v: Array


def draw_shapes(
    rng: np.random.Generator, size: int = _FULL_SIZE
) -> tuple[Array, list[Instance], Array]:
    """Draw one picture and its labels.

    Args:
        rng: Source of every random choice; the same state gives the same picture.
        size: Height and width in pixels. Things scale with it.

    Returns:
        The image, uint8 RGB, shape (H, W, 3); the visible instances, back to front, whose masks do
        not overlap; and the label map, uint8, shape (H, W), with 1 + index into ``CLASSES`` (0,
        "unlabeled", is kept free and does not occur).

    Raises:
        ValueError: If ``size`` is less than 32 pixels.
    """
    if size < 32:
        raise ValueError(f'size must be at least 32 pixels, got {size}: choose for instance 128')
    rows, columns = np.mgrid[:size, :size].astype(np.float64)
    image, label_map, colours = _draw_background(rng, rows, columns)
    things = _keep_visible(_place_things(rng, rows, columns))
    light = rng.uniform(0, 2 * math.pi)
    for thing in things:
        _paint(rng, image, thing, colours, light)
    image += rng.normal(0.0, rng.uniform(1.0, 5.0), image.shape)
    instances = [
        Instance(thing.label, mask)
        for thing, mask in zip(things, _visible_masks(things), strict=True)
    ]
    for instance in instances:
        label_map[instance.mask] = 1 + instance.label
    return np.clip(np.rint(image), 0, 255).astype(np.uint8), instances, label_map


def _draw_background(
    rng: np.random.Generator, rows: Array, columns: Array
) -> tuple[Array, Array, list[Array]]:
    """Split the picture along a wavy, tilted horizon between two background classes.

    Returns:
        The image (H, W, 3) as float, the label map (H, W) as uint8, and the two colours (3,).
    """
    size = len(rows)
    horizon = size * rng.uniform(0.3, 0.7) + rng.uniform(-0.35, 0.35) * (columns - size / 2)
    waves = columns / size * rng.uniform(1, 2.5) + rng.random()
    horizon += 0.03 * size * np.sin(2 * math.pi * waves)
    below = np.clip(rows - horizon + 0.5, 0.0, 1.0)
    kinds = rng.permutation(len(STUFF))[:2]
    colours: list[Array] = []
    layers = []
    for kind in kinds:
        colour = _far_colour(rng, colours, saturation=(0.1, 0.4), value=(0.35, 0.85), least=60)
        u, v = _turn(rows, columns, rng.uniform(0, 2 * math.pi))
        weight = BACKGROUNDS[STUFF[kind]](rng, u, v)
        layers.append(_mix(colour, colour * rng.uniform(0.6, 0.8), weight))
        colours.append(colour)
    labels = (1 + len(THINGS) + kinds).astype(np.uint8)
    upper, lower = layers
    return _mix(upper, lower, below), np.where(below > 0.5, labels[1], labels[0]), colours


def _place_things(rng: np.random.Generator, rows: Array, columns: Array) -> list[_Thing]:
    size = len(rows)
    things = []
    for _ in range(rng.integers(1, MAX_THINGS + 1)):
        diameter = rng.uniform(*DIAMETERS) * size / _FULL_SIZE
        row, column = rng.uniform(0.45 * diameter, size - 0.45 * diameter, 2)
        u, v = _turn(rows - row, columns - column, rng.uniform(0, 2 * math.pi))
        label = int(rng.integers(len(THINGS)))
        things.append(_Thing(label, OUTLINES[THINGS[label]](u, v, diameter / 2), u, v))
    return things


def _visible_masks(things: list[_Thing]) -> list[Array]:
    """What later things leave of each, back to front. List of (H, W) bool."""
    masks: list[Array] = []
    for thing in things:
        inside = thing.distance < 0
        masks = [mask & ~inside for mask in masks] + [inside]
    return masks


def _keep_visible(things: list[_Thing]) -> list[_Thing]:
    """Drop things of which too little stays in sight, before anything is painted.

    Front to back: what is dropped then hides nothing.
    """
    kept: list[_Thing] = []
    for thing in reversed(things):
        inside = thing.distance < 0
        if _visible_masks([thing, *kept])[0].sum() >= MIN_VISIBLE * inside.sum():
            kept.insert(0, thing)
    return kept


def _paint(
    rng: np.random.Generator, image: Array, thing: _Thing, colours: list[Array], light: float
) -> None:
    """Paint one thing, with its soft shadow, over ``image`` (H, W, 3) in place.

    ``colours``, the colours used so far, grows by one.
    """
    hue = thing.label / len(THINGS) + rng.normal(0.0, HUE_SPREAD)
    colour = _far_colour(
        rng, colours, saturation=(0.45, 0.95), value=(0.45, 1.0), least=100, hue=hue
    )
    other = np.clip(colour + rng.choice((-1, 1)) * rng.uniform(25, 110), 0, 255)
    texture = SURFACES[rng.integers(len(SURFACES))]
    turn = rng.uniform(0, 2 * math.pi)
    surface = _mix(colour, other, texture(rng, *_turn(thing.v, thing.u, turn)))
    rows, columns = np.mgrid[: len(image), : len(image)] / len(image) - 0.5
    surface *= (1 + 0.25 * (math.sin(light) * rows + math.cos(light) * columns))[..., None]
    shadow = 0.4 * np.clip(1 - thing.distance / 5, 0.0, 1.0) ** 2
    image *= 1 - shadow[..., None]
    cover = np.clip(0.5 - thing.distance, 0.0, 1.0)[..., None]
    image += cover * (surface - image)
    colours.append(colour)


def _far_colour(
    rng: np.random.Generator,
    taken: list[Array],
    saturation: tuple[float, float],
    value: tuple[float, float],
    least: float,
    hue: float | None = None,
    tries: int = 20,
) -> Array:
    """A random RGB colour (3,), ``least`` or more from all ``taken``, or the best of ``tries``.

    ``hue`` in turns; any by default.
    """
    best: Array = np.zeros(3)
    best_gap = -1.0
    for _ in range(tries):
        turn = rng.random() if hue is None else hue % 1
        hsv = turn, rng.uniform(*saturation), rng.uniform(*value)
        colour = 255 * np.array(colorsys.hsv_to_rgb(*hsv))
        gap = min((float(np.linalg.norm(colour - old)) for old in taken), default=math.inf)
        if gap > best_gap:
            best, best_gap = colour, gap
        if gap >= least:
            break
    return best


def _mix(first: Array, second: Array, weight: Array) -> Array:
    """Blend two colours (3,) or pictures (H, W, 3) by ``weight`` (H, W) into (H, W, 3)."""
    return first + weight[..., None] * (second - first)


def _turn(rows: Array, columns: Array, angle: float) -> tuple[Array, Array]:
    """Coordinates (H, W) rotated by ``angle`` radians."""
    cos, sin = math.cos(angle), math.sin(angle)
    return cos * columns + sin * rows, cos * rows - sin * columns

"""What is wrong with a label map on disk: its size, or values that no class has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from .label_map_format import check_format
from .orientation import LABEL_MAP, Reading, misread, read_size, stored

Array = np.ndarray


@dataclass(frozen=True)
class LabelMapRules:
    """How a config reads label maps.

    Attributes:
        num_classes: Labels 0 .. num_classes - 1 are right.
        reduce_zero_label: Value 0 is unlabeled and 1 is the first class.
        label_map: Old label to new label, applied after that; mmseg makes it for chosen classes.
        ignore: Labels that the loss leaves out.
        backend: What decodes them, ``imdecode_backend`` of ``LoadAnnotations``.
        classes: Their names; none if the data set says nothing.
        palette: The data set's own colours, one a class; none if it says nothing.
    """

    num_classes: int
    reduce_zero_label: bool = False
    label_map: dict[int, int] = field(default_factory=dict)
    ignore: tuple[int, ...] = (255,)
    backend: str = 'pillow'
    classes: Sequence[str] = ()
    palette: Sequence[Sequence[int]] = ()

    def labels(self) -> Array:
        """The label that each of the 256 values of a file becomes, shape (256,)."""
        labels: Array = np.arange(256)
        if self.reduce_zero_label:
            labels = np.where((labels == 0) | (labels == 255), 255, labels - 1)
        new = labels.copy()
        for old, label in self.label_map.items():
            new[labels == old] = label
        return new

    def wrong_values(self) -> Array:
        """Which of the 256 values of a file no class has, bool, shape (256,)."""
        labels = self.labels()
        return ~((labels >= 0) & (labels < self.num_classes) | np.isin(labels, self.ignore))


def check_label_map(path: str, rules: LabelMapRules) -> tuple[str | None, frozenset[int]]:
    """Decode a sound picture file as mmseg does and look at its values.

    Args:
        path: The label map.
        rules: How the config reads it.

    Returns:
        One short phrase, or None; and the classes that it shows.
    """
    if (what := check_format(path, rules.backend)) is not None:
        return what, frozenset()
    with Image.open(path) as image:  # mmseg's decoder for label maps: palettes stay numbers
        values = np.asarray(image)
    counts = np.bincount(values.astype(np.uint8).ravel(), minlength=256)
    labels = rules.labels()[counts > 0]
    seen = frozenset(labels[~np.isin(labels, rules.ignore)].tolist())
    wrong = np.flatnonzero((counts > 0) & rules.wrong_values())
    if not wrong.size:
        return None, seen
    first, last = int(rules.reduce_zero_label), rules.num_classes - 1 + rules.reduce_zero_label
    return (
        f'{counts[wrong].sum()} pixels of the label map have values outside the classes '
        f'({", ".join(map(str, wrong[:5]))}; the classes are {first}..{last})'
    ), seen


def check_size(label_map: str, picture: str, reading: Reading | None = None) -> str | None:
    """Compare the sizes of a label map and its picture; both are sound files.

    Args:
        label_map: File of the label map; it is read as it is stored.
        picture: File of the picture.
        reading: How the picture is read; by default as ``LoadImageFromFile`` does.

    Returns:
        One short phrase, or None.
    """
    reading = reading or Reading()
    mine, others = read_size(label_map, LABEL_MAP), read_size(picture, reading)
    if mine is None or others is None or mine == others:
        return None
    here, there = (f'{width} x {height}' for width, height in (mine, others))
    what = f'a label map of {here} pixels for a picture of {there}'
    has_tag = stored(picture).orientation >= 5 and mine == others[::-1]
    return f'{what}: {misread(stored(picture), mine, reading)}' if has_tag else what

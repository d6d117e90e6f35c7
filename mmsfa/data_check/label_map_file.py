"""What is wrong with a label map on disk: its size, or values that no class has."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .picture_header import HEAD_BYTES, read_header

Array = np.ndarray


@dataclass(frozen=True)
class LabelMapRules:
    """How a config reads label maps.

    Attributes:
        num_classes: Labels 0 .. num_classes - 1 are right.
        reduce_zero_label: Value 0 is unlabeled and 1 is the first class.
        label_map: Old label to new label, applied after that; mmseg makes it for chosen classes.
        ignore: Labels that the loss leaves out.
    """

    num_classes: int
    reduce_zero_label: bool = False
    label_map: dict[int, int] = field(default_factory=dict)
    ignore: tuple[int, ...] = (255,)

    def wrong_values(self) -> Array:
        """Which of the 256 values of a file no class has, bool, shape (256,)."""
        labels: Array = np.arange(256)
        if self.reduce_zero_label:
            labels = np.where((labels == 0) | (labels == 255), 255, labels - 1)
        new = labels.copy()
        for old, label in self.label_map.items():
            new[labels == old] = label
        return ~((new >= 0) & (new < self.num_classes) | np.isin(new, self.ignore))


def check_label_map(path: str, rules: LabelMapRules) -> str | None:
    """Decode a sound picture file as mmseg does and look at its values.

    Args:
        path: The label map.
        rules: How the config reads it.

    Returns:
        One short phrase, or None.
    """
    from PIL import Image  # mmseg's decoder for label maps: palettes stay numbers

    with Image.open(path) as image:
        values = np.asarray(image).squeeze()
    if values.ndim != 2:
        return f'a label map has one channel, this one has {values.shape[-1]}'
    if values.dtype.kind == 'f':
        return 'a label map has whole numbers, this one has fractions'
    if values.max() > 255 and (large := values[(values > 255) & (values != 65535)]).size:
        return f'value {large[0]} of the label map does not fit into 8 bits'
    counts = np.bincount(values.astype(np.uint8).ravel(), minlength=256)
    wrong = np.flatnonzero((counts > 0) & rules.wrong_values())
    if not wrong.size:
        return None
    first, last = int(rules.reduce_zero_label), rules.num_classes - 1 + rules.reduce_zero_label
    return (
        f'{counts[wrong].sum()} pixels of the label map have values outside the classes '
        f'({", ".join(map(str, wrong[:5]))}; the classes are {first}..{last})'
    )


def check_size(label_map: str, picture: str) -> str | None:
    """Compare the sizes of a label map and its picture; both are sound files."""
    mine, others = size_of(label_map), size_of(picture)
    if mine is None or others is None or mine == others:
        return None
    here, there = (f'{width} x {height}' for width, height in (mine, others))
    return f'a label map of {here} pixels for a picture of {there}'


def size_of(path: str) -> tuple[int, int] | None:
    """(width, height) in pixels from the header; None where only decoding would tell."""
    with open(path, 'rb', buffering=0) as file:
        header = read_header(file.read(HEAD_BYTES), file)
    if header is not None and header.size is not None:
        return header.size
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:  # reads the header only
            return image.size
    except (OSError, UnidentifiedImageError):
        return None

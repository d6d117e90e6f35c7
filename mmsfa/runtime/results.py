"""What a model says of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .masks import encode


@dataclass
class Instances:
    """Instances of a detector, best first.

    Attributes:
        boxes: Corners x1, y1, x2, y2 in pixels, float32, (N, 4).
        scores: Float32, (N,).
        labels: Numbers of their classes, from 0, int64, (N,).
        masks: Booleans, (N, height, width); None without masks.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    masks: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, places: np.ndarray) -> Instances:
        """Those at these places, in this order."""
        masks = None if self.masks is None else self.masks[places]
        return Instances(self.boxes[places], self.scores[places], self.labels[places], masks)


@dataclass
class Segmentation:
    """Classes of pixels.

    Attributes:
        labels: Numbers of the classes, from 0, int64, (height, width).
    """

    labels: np.ndarray


@dataclass
class Classification:
    """Classes of a picture.

    Attributes:
        scores: Share of each class, float32, (classes,).
    """

    scores: np.ndarray

    @property
    def label(self) -> int:
        """Number of the best class, from 0."""
        return int(self.scores.argmax())


Result = Instances | Segmentation | Classification


def as_coco(
    found: Instances, settings: dict[str, Any], image_id: int | str | None = None
) -> list[dict[str, Any]]:
    """Instances in COCO's format of results.

    Args:
        found: Instances of a picture.
        settings: Of the `Folder`; ``category_ids`` are the numbers that the annotation file of the
            config gives its classes; where the export knew none, the label stands in their place.
        image_id: What the annotation file calls the picture.

    Returns:
        A dictionary an instance: ``category_id``, ``category``, ``bbox`` (x, y, width, height),
        ``score``, ``segmentation`` with masks, ``image_id`` where it is given.
    """
    rows = []
    for i, label in enumerate(found.labels.tolist()):
        x1, y1, x2, y2 = found.boxes[i].tolist()
        row: dict[str, Any] = {} if image_id is None else dict(image_id=image_id)
        ids = settings['category_ids']
        row |= dict(category_id=ids[label] if ids else label, category=settings['classes'][label])
        row |= dict(bbox=[x1, y1, x2 - x1, y2 - y1], score=float(found.scores[i]))
        if found.masks is not None:
            row['segmentation'] = encode(found.masks[i])
        rows.append(row)
    return rows

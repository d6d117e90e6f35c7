"""Mend the ground truth that a metric has read where pycocotools would take it for another."""

from __future__ import annotations

import contextlib
import io
import math
from typing import Any

from .coco_ids import id_of


def mend_ground_truth(coco: Any) -> list[str]:
    """Renumber annotations and add flags in memory; the file stays as it is.

    pycocotools writes the id of the annotation that a box has found into an array of numbers and
    takes 0 for "found none": a box with id 0 is always missed (AP 0.758 becomes 0.751 by one such
    box and 0.726 by the first of a file), and with an id such as ``'a1'`` it fails, as it does
    without ``iscrowd``, when all pictures have been predicted.

    Args:
        coco: pycocotools' ``COCO`` of a metric.

    Returns:
        What was mended, one short phrase each.
    """
    annotations = [one for one in coco.dataset.get('annotations') or () if isinstance(one, dict)]
    done: list[str] = []
    wrong = [one for one in annotations if 'bbox' in one and not _is_counted(one.get('id'))]
    if wrong:
        shown = wrong[0].get('id')
        for number, annotation in enumerate(annotations, 1):
            annotation['id'] = number
        done.append(f'annotation id {shown!r} would count as a box that nothing finds: renumbered')
    without = [one for one in annotations if 'bbox' in one and one.get('iscrowd') is None]
    for annotation in without:
        annotation['iscrowd'] = 0
    if without:
        done.append(f'{len(without)} annotations have no iscrowd: taken for 0')
    if wrong:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints that it does so
            coco.createIndex()
        # mmdet's names for the same
        coco.img_ann_map, coco.cat_img_map = coco.imgToAnns, coco.catToImgs
    return done


def _is_counted(number: Any) -> bool:
    """Whether an id, as a number with a fraction, is one and is not 0."""
    if id_of({'id': number}, 'id') is None:
        return False
    try:
        return math.isfinite(float(number)) and float(number) != 0
    except (ValueError, OverflowError):
        return False

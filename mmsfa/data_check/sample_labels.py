"""Labels that would reach the loss: classes, label maps and boxes of one packed sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .label_map_format import NOT_CLASSES

Array = np.ndarray


def check_labels(sample: dict[str, Any], num_classes: int, ignore_index: int = 255) -> str | None:
    """Check one sample as the pipeline gives it, before batches are made.

    On a GPU a label outside the classes ends in a device-side assertion that names nothing.

    Args:
        sample: ``dict(inputs=..., data_samples=...)`` of mmdet, mmseg or mmpretrain. Anything else
            is left alone.
        num_classes: Labels must lie in 0 .. num_classes - 1.
        ignore_index: Value of a label map that the loss leaves out.

    Returns:
        One short phrase, or None.
    """
    labels = sample.get('data_samples') if isinstance(sample, dict) else None
    instances = getattr(labels, 'gt_instances', None)
    if instances is not None:
        # mmdet's label maps count things and stuff, so the number of classes says nothing there.
        return _check_instances(instances, num_classes)
    if (label := _tensor(getattr(labels, 'gt_label', None), 'label')) is not None:
        return _check_classes(label, num_classes)
    label_map = _tensor(getattr(labels, 'gt_sem_seg', None), 'data')
    return None if label_map is None else _check_map(label_map.numpy(), num_classes, ignore_index)


def _tensor(value: Any, *names: str) -> torch.Tensor | None:
    """A tensor on the CPU, or the one that a container holds under one of the names."""
    for name in ('', *names):
        found = getattr(value, name, None) if name else value
        if isinstance(found, torch.Tensor) and found.device.type == 'cpu':
            return found
    return None


def _check_instances(instances: Any, num_classes: int) -> str | None:
    labels = _tensor(getattr(instances, 'labels', None))
    if labels is not None and (fault := _check_classes(labels, num_classes)) is not None:
        return fault
    boxes = _tensor(getattr(instances, 'bboxes', None), 'tensor')
    return None if boxes is None else _check_boxes(boxes.numpy())


def _check_classes(labels: torch.Tensor, num_classes: int) -> str | None:
    wrong = [label for label in labels.flatten().tolist() if not 0 <= label < num_classes]
    return f'label {wrong[0]} is not in 0..{num_classes - 1}' if wrong else None


def _check_boxes(boxes: Array) -> str | None:
    if boxes.ndim != 2 or boxes.shape[1] != 4:  # rotated boxes and polygons have other columns
        return None if np.isfinite(boxes).all() else 'a box has coordinates that are not finite'
    corners = boxes.tolist()
    for number, (left, top, right, bottom) in enumerate(corners):
        if right - left > 0 and bottom - top > 0 and np.isfinite(boxes[number]).all():
            continue
        if not np.isfinite(boxes[number]).all():
            return f'box {number} has coordinates that are not finite ({corners[number]})'
        return f'box {number} has size {right - left:g} x {bottom - top:g}'
    return None


def _check_map(label_map: Array, num_classes: int, ignore_index: int) -> str | None:
    if label_map.ndim > 2 and label_map.shape[0] != 1:  # packed as (1, H, W); colours come last
        return (
            f'the label map has the shape {label_map.shape} instead of one channel: {NOT_CLASSES}'
        )
    if label_map.dtype.kind not in 'iu' or not label_map.size:
        return None
    # Files hold at most 16 bits, and 64 are four times as slow. Unsigned, the negative ones are
    # large: one comparison serves both ends. Counting is faster than indexing, and nearly all maps
    # are right.
    values = label_map.astype(np.uint16)
    is_class = values < num_classes
    is_ignored = values == np.uint16(ignore_index & 0xFFFF)
    number_right = np.count_nonzero(is_class)
    if not 0 <= ignore_index < num_classes:
        number_right += np.count_nonzero(is_ignored)
    if number_right == values.size:
        return None
    wrong = label_map[~(is_class | is_ignored)]
    shown = ', '.join(map(str, np.unique(wrong)[:5]))
    return (
        f'the label map has {wrong.size} pixels outside the classes 0..{num_classes - 1} '
        f'(values {shown}; {ignore_index} is ignored)'
    )

"""What is wrong with one annotation in the form of COCO: its box and its mask."""

from __future__ import annotations

import math
from typing import Any

TOLERANCE = 1.0  # pixels that a box may stand out: annotators round


def check_box(box: Any, size: tuple[float, float] | None) -> str | None:
    """Check x, y, width, height.

    Args:
        box: Of an annotation file.
        size: (width, height) of the picture in pixels; None if unknown.

    Returns:
        One short phrase, or None.
    """
    try:
        x, y, width, height = box
        finite = math.isfinite(x + y + width + height)
    except (TypeError, ValueError):
        return f'the box is not four numbers ({box!r:.60})'
    if not finite:
        return f'the box has numbers that are not finite ({box})'
    if width <= 0 or height <= 0:
        return f'the box has size {width:g} x {height:g}'
    if size is None:
        return None
    if x >= size[0] or y >= size[1] or x + width <= 0 or y + height <= 0:
        return f'the box {box} lies outside the picture of {size[0]:g} x {size[1]:g}'
    out = max(-x, -y, x + width - size[0], y + height - size[1])
    return f'the box {box} stands {out:g} pixels out of the picture' if out > TOLERANCE else None


def check_unit(annotations: list, sizes: dict[Any, tuple[float, float] | None]) -> str | None:
    """Say whether boxes are parts of the picture (0..1, as YOLO has them) instead of pixels.

    mmdet drops boxes below one pixel without a word.

    Args:
        annotations: Of an annotation file.
        sizes: (width, height) of each picture in pixels, by its id; None if unknown.

    Returns:
        One short phrase if no box reaches beyond 1, or None.
    """
    boxes = [one['bbox'] for one in annotations if isinstance(one, dict) and 'bbox' in one]
    if not boxes or max((max(size) for size in sizes.values() if size), default=0) <= 1:
        return None
    for box in boxes:
        try:
            x, y, width, height = box
            if not (0 <= x <= 1 and 0 <= y <= 1 and 0 < width <= 1 and 0 < height <= 1):
                return None
        except (TypeError, ValueError):
            return None
    return (
        f'no box reaches beyond 1, such as {boxes[0]}: boxes are x, y, width and height in pixels, '
        'not parts of the picture'
    )


def check_mask(mask: Any, size: tuple[float, float] | None) -> str | None:
    """Check polygons, or a run-length encoding of either kind.

    Args:
        mask: ``segmentation`` of an annotation file.
        size: (width, height) of the picture in pixels; None if unknown.

    Returns:
        One short phrase, or None.
    """
    if isinstance(mask, dict):
        return _check_runs(mask, size)
    if not isinstance(mask, (list, tuple)):
        return f'the mask is neither polygons nor a run-length encoding ({mask!r:.60})'
    if not mask:
        return 'the mask has no polygon'
    for polygon in mask:
        if not isinstance(polygon, (list, tuple)):
            return f'a polygon is a list of numbers ({polygon!r:.60})'
        if len(polygon) < 6 or len(polygon) % 2:
            return f'a polygon has {len(polygon)} numbers, but needs x and y of 3 points'
        try:
            if not math.isfinite(math.fsum(polygon)):
                return 'a polygon has numbers that are not finite'
        except (TypeError, ValueError, OverflowError):
            return 'a polygon has entries that are not finite numbers'
    return None


def _check_runs(mask: dict[str, Any], size: tuple[float, float] | None) -> str | None:
    try:
        height, width = mask['size']
        counts = mask['counts']
        runs = counts if isinstance(counts, (list, tuple)) else _decode(counts)
        whole = min(runs, default=0) >= 0 and sum(runs) == height * width
    except (KeyError, TypeError, ValueError, IndexError) as error:
        return f'the run-length encoding of the mask is broken ({type(error).__name__}: {error})'
    if not whole:
        return 'the run-length encoding of the mask is broken (its runs do not fill the picture)'
    if size is not None and (width, height) != tuple(size):
        return f'the mask is of {width} x {height} pixels, the picture of {size[0]:g} x {size[1]:g}'
    return None


def _decode(text: str | bytes) -> list[int]:
    """Runs of COCO's compressed form: 5 bits a character, differences to the run before the last.

    By hand, because pycocotools reads past the end of a text that is cut off.
    """
    runs: list[int] = []
    value = shift = 0
    for byte in text.encode() if isinstance(text, str) else text:
        bits = byte - 48
        if not 0 <= bits < 64:
            raise ValueError(f'{chr(byte)!r} is no character of it')
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError('it ends within a number')
    return runs


def check_instance(instance: Any, info: dict[str, Any]) -> str | None:
    """Check one of mmdet's parsed instances: box as corners, mask as in the file.

    Args:
        instance: Entry of ``instances`` in a sample's information.
        info: The sample's information, for the size of the picture.

    Returns:
        One short phrase, or None.
    """
    box, mask = (instance.get(key) for key in ('bbox', 'mask'))
    if isinstance(box, (list, tuple)) and len(box) == 4:
        left, top, right, bottom = box
        if (fault := check_box([left, top, right - left, bottom - top], None)) is not None:
            return fault
    if mask is None or not isinstance(mask, (dict, list, tuple)):
        return None
    size = (info['width'], info['height']) if {'width', 'height'} <= info.keys() else None
    return check_mask(mask, size)

"""Annotation faults of a file in the form of COCO: mmdet drops such entries without a word."""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from .coco_annotations import check_box, check_mask, check_unit
from .coco_ids import harmful_ids, id_of
from .fault import Fault
from .picture_file import check_file

Size = tuple[float, float]
KEYS = ('images', 'annotations', 'categories')


def read_json(path: str) -> tuple[Any, Fault | None]:
    """What a JSON file holds, or why it cannot be read."""
    if (what := check_file(path)) is not None:
        return None, Fault(path, what)
    try:
        with open(path, encoding='utf-8') as file:
            return json.load(file), None
    except json.JSONDecodeError as error:
        return None, Fault(
            path, f'no JSON, or cut off (line {error.lineno}, column {error.colno}: {error.msg})'
        )
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        return None, Fault(path, f'cannot be read as JSON ({error})')


def check_coco_file(path: str, image_dir: str = '') -> list[Fault]:
    """Read an annotation file once and name every picture whose annotations have faults.

    Args:
        path: The file.
        image_dir: Folder before the names of the pictures.

    Returns:
        One fault a picture, the first one found and how many more there are. Faults that belong to
        no picture are the file's own. JSON of another form gives no fault.
    """
    return check_coco(path, image_dir)[0]


def check_coco(path: str, image_dir: str = '') -> tuple[list[Fault], list[Fault]]:
    """As `check_coco_file`, and which of the faults make a wrong result of sound annotations.

    Args:
        path: The file.
        image_dir: Folder before the names of the pictures.

    Returns:
        All faults, and those of ids and boxes that are taken for others: with them nothing should
        run.
    """
    content, fault = read_json(path)
    if fault is not None:
        return [fault], [fault]
    if not isinstance(content, dict) or 'images' not in content:
        return [], []
    # Test sets come without annotations, captions without categories.
    content.setdefault('annotations', [])
    if not _with_boxes(content['annotations']):
        content.setdefault('categories', [])
    if lacking := [key for key in KEYS if not isinstance(content.get(key), list)]:
        fault = Fault(path, f'{lacking[0]!r} is no list')
        return [fault], [fault]
    found: dict[str, list[str]] = defaultdict(list)
    harmful: dict[str, list[str]] = defaultdict(list)
    names: dict = {}
    sizes: dict = {}
    for what, image in _image_faults(content['images'], names, sizes):
        found[_name(image, image_dir) or path].append(what)
    for what, entry in harmful_ids(content):
        image = names.get(id_of(entry, 'image_id')) if _has(entry, 'image_id') else entry
        name = _name(image, image_dir) or path
        harmful[name].append(what)
        if what not in found[name]:
            found[name].append(what)
    if (unit := check_unit(content['annotations'], sizes)) is not None:
        found[path].append(unit)
        harmful[path].append(unit)
    for what, annotation in _annotation_faults(content, sizes):
        image = names.get(id_of(annotation, 'image_id'))
        name = _name(image, image_dir) or path
        if what not in found[name]:
            found[name].append(what)
    listed = [[Fault(name, _sum_up(whats)) for name, whats in faults.items() if whats]
              for faults in (found, harmful)]  # fmt: skip
    return listed[0], listed[1]


def _has(entry: Any, key: str) -> bool:
    return isinstance(entry, dict) and key in entry


def _with_boxes(entries: Any) -> bool:
    some = entries[:1000] if isinstance(entries, list) else ()
    return any(isinstance(entry, dict) and 'bbox' in entry for entry in some)


def _sum_up(whats: list[str]) -> str:
    return whats[0] + (f' (and {len(whats) - 1} more)' if len(whats) > 1 else '')


def _name(image: Any, image_dir: str) -> str:
    name = image.get('file_name') if isinstance(image, dict) else None
    if name is None and isinstance(image, dict) and isinstance(image.get('coco_url'), str):
        name = image['coco_url'].removeprefix('http://images.cocodataset.org/')  # LVIS
    return os.path.join(image_dir, name) if isinstance(name, str) else ''


def _image_faults(images: list, names: dict, sizes: dict) -> Iterator[tuple[str, Any]]:
    """(fault, entry); fills in the entry and the size of each picture by its id."""
    for image in images:
        number = id_of(image, 'id')
        if number is None:
            yield 'an image entry without an id', image
            continue
        if number in names:
            yield f'image id {number} occurs twice', image
            continue
        names[number] = image
        # LVIS gives addresses instead of names.
        if not isinstance(image.get('file_name', image.get('coco_url')), str):
            yield f'image {number} has no file_name', image
        size = image.get('width'), image.get('height')
        if all(isinstance(side, (int, float)) and 0 < side < math.inf for side in size):
            sizes[number] = size
        else:
            yield f'image {number} has no valid width and height ({size[0]!r}, {size[1]!r})', image
            sizes[number] = None


def _annotation_faults(content: dict, sizes: dict[Any, Size]) -> Iterator[tuple[str, Any]]:
    """(fault, entry) of each annotation, at most one an entry."""
    categories = {id_of(category, 'id') for category in content['categories']}
    entries = content['annotations']
    with_boxes = _with_boxes(entries)
    seen = set()
    for entry in entries:
        number = id_of(entry, 'id')
        if 'segments_info' in (entry if isinstance(entry, dict) else ()):  # panoptic
            what = _check_panoptic(entry, categories, sizes)
        elif number is None:
            what = 'an annotation without an id'
        elif number in seen:
            what = f'annotation id {number} occurs twice'
        else:
            what = _check_annotation(entry, categories, sizes, with_boxes)
            what = what and f'annotation {number}: {what}'
        seen.add(number)
        if what:
            yield what, entry


def _check_annotation(
    entry: dict, categories: set, sizes: dict[Any, Size], with_boxes: bool
) -> str | None:
    image = id_of(entry, 'image_id')
    if image not in sizes:
        return f'its image_id {image!r} is that of no picture'
    if not with_boxes:  # captions, key points
        return None
    if id_of(entry, 'category_id') not in categories:
        return f'its category_id {entry.get("category_id")!r} is that of no category'
    size = sizes[image]
    if (what := check_box(entry.get('bbox'), size)) is not None:
        return what
    area = entry.get('area', 0)
    if not isinstance(area, (int, float)) or not 0 < area < math.inf:
        return f'its area is {entry.get("area", "missing")!r}'
    return check_mask(entry['segmentation'], size) if 'segmentation' in entry else None


def _check_panoptic(entry: dict, categories: set, sizes: dict[Any, Size]) -> str | None:
    image = id_of(entry, 'image_id')
    if image not in sizes:
        return f'its image_id {image!r} is that of no picture'
    for segment in entry['segments_info']:
        if id_of(segment, 'category_id') not in categories:
            return f'segment {id_of(segment, "id")}: its category_id is that of no category'
        if 'bbox' in segment and (what := check_box(segment['bbox'], sizes[image])) is not None:
            return f'segment {id_of(segment, "id")}: {what}'
    return None

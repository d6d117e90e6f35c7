"""Pictures whose orientation tag sets them against their annotations, or may do so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .fault import Fault
from .file_task import Task
from .files_of_dataset import infos_of, is_local, reads_label_maps
from .label_map_file import check_size
from .many_files import in_threads
from .orientation import Reading, Size, is_turned, misread, reading_of, stored

MOST = 20_000  # pictures of a data set that are looked at before a run: two seconds


class Annotated(NamedTuple):
    """A picture on which something has a place.

    Attributes:
        path: Its file.
        reading: How it is read.
        size: (width, height) in pixels that its boxes and masks are for, if that is known.
        label_map: File of its label map, if it has one.
    """

    path: str
    reading: Reading
    size: Size | None = None
    label_map: str | None = None


def annotated_pictures(dataset: Any, most: int = MOST) -> Iterator[Annotated]:
    """The pictures of a data set that is built and has boxes, masks or label maps.

    Args:
        dataset: One that can tell its samples' files; others give none.
        most: Of a larger set as many pictures, evenly spread.
    """
    pipeline = getattr(dataset, 'pipeline', None)
    reading = reading_of(pipeline)
    if reading is None or not is_local(dataset):
        return
    with_maps = reads_label_maps(pipeline)
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    number = len(dataset)
    for info in infos_of(dataset, range(0, number, -(-number // most) or 1)):
        path, label_map = info.get('img_path'), info.get('seg_map_path') if with_maps else None
        if not isinstance(path, str):
            continue
        if 'instances' in info and {'width', 'height'} <= info.keys():
            yield Annotated(path, reading, (info['width'], info['height']))
        elif isinstance(label_map, str):
            yield Annotated(path, reading, label_map=label_map)


def pictures_of_tasks(tasks: Sequence[Task]) -> list[Annotated]:
    """The annotated pictures among the files of a config."""
    own = [Annotated(task.path, task.reading, task.size) for task in tasks if task.size]
    return own + [
        Annotated(task.picture, task.reading, label_map=task.path) for task in tasks if task.picture
    ]


def check_orientation(pictures: Sequence[Annotated]) -> tuple[list[Fault], list[Fault]]:
    """Look at the orientation tags of pictures, without decoding any.

    A quarter turn of a picture that is no square shows in the sizes: there it is certain whether
    picture and annotations fit. Half turns and mirrored pictures keep their size.

    Args:
        pictures: Files that cannot be read have faults of another kind and are left out.

    Returns:
        Faults of those that do not fit, and a note on each where nobody can tell.
    """
    looked = in_threads(_look, list(dict.fromkeys(pictures)), 'Looking at orientation tags')
    wrong = [Fault(one.path, what) for one, (what, is_certain) in looked if what and is_certain]
    unclear = [
        Fault(one.path, what) for one, (what, is_certain) in looked if what and not is_certain
    ]
    return wrong, unclear


def _look(one: Annotated) -> tuple[str | None, bool]:
    """(what is to be said, whether it is certain)."""
    try:
        picture = stored(one.path)
        if picture.orientation == 1:
            return None, True
        if picture.orientation >= 5 and picture.size and picture.size[0] != picture.size[1]:
            if one.size is not None:
                return misread(picture, one.size, one.reading), True
            if one.label_map is not None:
                return check_size(one.label_map, one.path, one.reading), True
    except OSError:
        return None, True
    way = 'turned' if is_turned(picture, one.reading) else 'as it is stored'
    return f'orientation tag {picture.orientation} (EXIF), read {way}', False

"""Check one file in full; made to run in many processes."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import mmcv

from mmsfa.datasets.suffixes import ALL_PICTURES

from .label_map_file import LabelMapRules, check_label_map, check_size
from .label_map_format import check_format
from .orientation import Reading, misread, stored
from .sample_file import check_image

# What libjpeg and libpng print when they fill up damaged data; other warnings are harmless. So are
# few bytes too many between segments (0xc0 and above, but no restart mark) or before the end.
_HARMLESS = r'\d{1,2} extraneous bytes before marker 0x(?!d[0-7])[c-f]'
_DAMAGE = re.compile(
    rf'(Corrupt JPEG data: (?!{_HARMLESS})|Premature end of JPEG|libpng error|CRC error).*'
)


class Task(NamedTuple):
    """One file to check.

    Attributes:
        path: The file.
        deep: Decode all of it.
        rules: How its values are read, if it is a label map of mmseg.
        picture: The picture that a label map belongs to.
        size: (width, height) in pixels that an annotation file claims.
        reading: How the config reads pictures.
    """

    path: str
    deep: bool = True
    rules: LabelMapRules | None = None
    picture: str | None = None
    size: tuple[int, int] | None = None
    reading: Reading = Reading()


class Finding(NamedTuple):
    """What came out of a task.

    Attributes:
        what: One short phrase, or None for a sound file.
        classes: Those that a label map shows.
    """

    what: str | None
    classes: frozenset[int] = frozenset()


def run_task(task: Task) -> Finding:
    """Look at the file, its values and its size."""
    what = _check_file(task)
    if what is None and task.rules is not None:
        if task.deep:
            return Finding(*check_label_map(task.path, task.rules))
        what = check_format(task.path, task.rules.backend)
    return Finding(what)


def _check_file(task: Task) -> str | None:
    # OpenCV and Pillow know no TIFF of many bands
    by_tifffile = task.reading.imdecode_backend == 'tifffile' and task.picture is None
    with _decoder_messages() as messages:
        what = check_image(task.path, task.deep and not by_tifffile)
        if what is None and task.deep and by_tifffile:
            what = _refusal_of_tifffile(task.path)
    if what is not None:
        return what
    if damage := next(filter(None, map(_DAMAGE.search, messages)), None):
        return f'damaged (the decoder says: {damage[0]})'
    if os.path.splitext(task.path)[1].lower() not in ALL_PICTURES:
        return None
    if task.size is not None:
        what = misread(stored(task.path), task.size, task.reading)
        if what is not None:
            return what
    if task.picture is not None and check_image(task.picture) is None:
        return check_size(task.path, task.picture, task.reading)
    return None


def _refusal_of_tifffile(path: str) -> str | None:
    try:
        mmcv.imread(path, backend='tifffile')
    except Exception as error:  # of a decoder: any kind
        return (
            f'tifffile cannot decode it ({str(error).splitlines()[0] if str(error) else error!r})'
        )
    return None


@contextmanager
def _decoder_messages() -> Iterator[list[str]]:
    """Collect what C libraries print to the error channel; nothing else may run meanwhile."""
    messages: list[str] = []
    with tempfile.TemporaryFile() as file:
        channel = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield messages
        finally:
            os.dup2(channel, 2)
            os.close(channel)
            file.seek(0)
            messages += file.read().decode(errors='replace').splitlines()

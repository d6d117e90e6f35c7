"""Which file is at fault when a sample cannot be loaded."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from typing import Any

from .coco_annotations import check_instance
from .fault import Fault
from .label_map_file import check_size
from .sample_file import check_image, without_path
from .sample_labels import check_labels

__all__ = ['check_labels', 'diagnose', 'files_of']

_PATH_KEY = re.compile(r'(^|_)path\d*$')  # img_path, seg_map_path, img_path2, ...


def files_of(info: dict[str, Any]) -> list[str]:
    """The local files and folders that a sample names, each once.

    Args:
        info: What ``dataset.get_data_info`` gives. URLs and object stores are left out.
    """
    files: dict[str, None] = {}
    for key, value in info.items():
        if isinstance(key, str) and _PATH_KEY.search(key):
            for path in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(path, str) and path and '://' not in path:
                    files[path] = None
    return list(files)


def diagnose(info: dict[str, Any], error: BaseException) -> Fault | None:
    """Look for the file that made a sample fail, by decoding all of its files.

    Args:
        info: What ``dataset.get_data_info`` gives for the sample.
        error: What loading it raised.

    Returns:
        The fault; None if all files and annotations are sound, so that the code or the config is
        to blame.
    """
    files = [path for found in (info, *_infos_in(error)) for path in files_of(found)]
    files = list(dict.fromkeys(files))
    # By name: importing the packages of events and signals costs time and registers data sets.
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {'EventFileError', 'SignalFileError'}:
        path = next((path for path in files if path in str(error)), files[0] if files else '')
        return Fault(path, without_path(error, path))
    for path in files:
        if (what := check_image(path, deep=True)) is not None:
            return Fault(path, what)
    picture, label_map = info.get('img_path'), info.get('seg_map_path')
    if picture in files and label_map in files and (what := check_size(label_map, picture)):
        return Fault(label_map, what)
    for number, instance in enumerate(info.get('instances') or ()):
        if (what := check_instance(instance, info)) is not None:
            return Fault(files[0] if files else '', f'annotation {number}: {what}')
    return None


def _infos_in(error: BaseException) -> Iterator[dict[str, Any]]:
    """What the transforms were working on: with mixed pictures that may be another sample."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if isinstance(results := frame.f_locals.get('results'), dict):
            yield results

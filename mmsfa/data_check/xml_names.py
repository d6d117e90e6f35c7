"""Whether the names of the things in XML files (Pascal VOC) are the classes of the config."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Sequence

import numpy as np

from .class_names import nearest, quoted

MOST = 2000  # files of a set that are read: half a second


def xml_folder(settings: dict) -> str:
    """The folder of the XML files, as mmdet's ``XMLDataset`` puts it together.

    Args:
        settings: Of the data set.
    """
    prefix = (settings.get('data_prefix') or {}).get('sub_data_root') or ''
    # Without sub_data_root the data_root counts for the list only.
    root = settings.get('data_root') or '' if prefix else ''
    return os.path.join(root, prefix, settings.get('ann_subdir') or 'Annotations')


def names_in(ann_file: str, folder: str, most: int = MOST) -> list[str]:
    """Collect the names of the things in the files of a set.

    Args:
        ann_file: A list with the name of one picture a line.
        folder: Of the XML files; those that cannot be read are left to who loads them.
        most: So many files at most, evenly spread.
    """
    try:
        with open(ann_file, encoding='utf-8') as file:
            entries = [line.rstrip('\r\n') for line in file]
    except (OSError, UnicodeDecodeError):
        return []
    places = range(len(entries))
    found: dict[str, None] = {}
    for place in (
        np.linspace(0, len(entries) - 1, most).astype(int) if len(entries) > most else places
    ):
        try:
            path = os.path.join(folder, f'{entries[place]}.xml')
            root = ET.parse(path).getroot()  # noqa: S314  as mmdet will
        except (OSError, ET.ParseError):
            continue
        found.update(
            dict.fromkeys(thing.findtext('name') or '' for thing in root.findall('object'))
        )
    return sorted(found)


def compare_names(classes: Sequence[str], names: Sequence[str]) -> tuple[str | None, str | None]:
    """Compare classes with the names in the files, whose order says nothing.

    Args:
        classes: Of the config.
        names: Of the things in the files.

    Returns:
        What would go wrong, and what is worth a line; each may be None.
    """
    lacking = [name for name in classes if name not in set(names)]
    spare = [name for name in names if name not in set(classes)]
    has = f'the things in its XML files are {quoted(names)}'
    if twice := next((name for name in classes if list(classes).count(name) > 1), None):
        return f'gets the class {twice!r} twice: the classes are {quoted(classes)}', None
    if names and len(lacking) == len(classes):
        return f'has none of the classes {quoted(classes)}: {has}', None
    hints = {name: hint for name in lacking if (hint := nearest(name, spare)) is not None}
    if hints:
        near = '; '.join(f'{name!r} is nearest to its {hint!r}' for name, hint in hints.items())
        return f'has no thing called {quoted(list(hints))}: {near}; {has}', None
    note = f'things of these names are no classes of the config and are left out: {quoted(spare)}'
    return None, note if spare else None

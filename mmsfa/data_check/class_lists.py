"""Faults of ImageNet-like sets: lists of pictures and labels, or one folder a class."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .fault import Fault
from .picture_file import check_file


def check_list(
    path: str, image_dir: str, with_label: bool, num_classes: int | None
) -> tuple[list[str], list[Fault]]:
    """Read a list of pictures, one "<file> <label>" a line, as mmpretrain does.

    Args:
        path: The list.
        image_dir: Folder before the names.
        with_label: Whether lines have labels.
        num_classes: Labels must lie in 0 .. num_classes - 1; None for any.

    Returns:
        The files that it names, and its faults: those of lines name the list and the line.
    """
    if (what := check_file(path)) is not None:
        return [], [Fault(path, what)]
    try:
        with open(path, encoding='utf-8') as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return [], [Fault(path, f'cannot be read as text ({error})')]
    files: list[str] = []
    faults: list[Fault] = []
    seen: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        # As mmpretrain: the label is what stands behind the last blank.
        name, _, label = line.strip().rpartition(' ') if with_label else (line.strip(), '', '')
        if not name or (with_label and not label.isdigit()):
            what = f'line {number}: expected "<file>{" <label>" * with_label}", got {line!r:.80}'
        elif with_label and num_classes is not None and int(label) >= num_classes:
            what = f'line {number}: label {label} of {name} is not in 0..{num_classes - 1}'
        elif seen.setdefault(name, label) != label:
            what = f'line {number}: {name} has label {label} here and {seen[name]} before'
        else:
            what = None
        if name:
            files.append(os.path.join(image_dir, name))
        if what is not None:
            faults.append(Fault(path, what))
    return files, faults if lines else [Fault(path, 'names no picture')]


def check_class_folders(folder: str, classes: Sequence[str] | None) -> list[Fault]:
    """Compare the folders of the classes with their names; name those without any file.

    Args:
        folder: Has one folder a class.
        classes: Their names in the config; None for any.
    """
    try:
        found = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    except OSError as error:
        return [Fault(folder, f'cannot be read ({error.strerror or error})')]
    faults = [
        Fault(os.path.join(folder, name), 'a class without any file')
        for name in found
        if not any(files for _, _, files in os.walk(os.path.join(folder, name)))
    ]
    if classes is not None and len(classes) != len(found):
        faults.append(Fault(folder, f'{len(found)} folders for {len(classes)} classes'))
    return faults

"""Whether the classes of a config are those that an annotation file, or its folders, name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

SHOWN = 12  # names in a sentence


def classes_in(metainfo: Any, default: Any) -> tuple[tuple[str, ...], str | None]:
    """Read the classes that a data set gets, as mmengine does.

    Args:
        metainfo: Its settings.
        default: The classes of its kind, for settings that name none.

    Returns:
        The classes, and what is wrong with them in one short phrase.
    """
    metainfo = metainfo or {}
    if 'CLASSES' in metainfo and 'classes' not in metainfo:
        return (), 'metainfo has CLASSES, which is not read: its name is classes since mmengine'
    classes = metainfo.get('classes', default)
    if isinstance(classes, str):
        if not os.path.isfile(classes):
            return (), (
                f'classes is the text {classes!r}, and no file is named so; several names, or one '
                f'with a comma, are needed: classes=({classes!r},)'
            )
        with open(classes, encoding='utf-8') as file:
            classes = [line.rstrip('\r\n') for line in file]
    if not isinstance(classes, (list, tuple)) or not classes:
        return (), f'classes must be one or more names, got {classes!r}'
    if wrong := [name for name in classes if not isinstance(name, str)]:
        return (), f'classes must be names, got {wrong[0]!r} among them'
    return tuple(classes), None


def compare(
    classes: Sequence[str], names: Sequence[str], complete: bool
) -> tuple[str | None, str | None]:
    """Compare classes with the categories of a file, which mmdet numbers in the file's order.

    Args:
        classes: Of the config.
        names: Of the file's categories, in their order.
        complete: Every class must be there, as a metric needs it.

    Returns:
        What would go wrong, and what is worth a line; each may be None.
    """
    wanted, spare = set(classes), [name for name in names if name not in set(classes)]
    found = [name for name in names if name in wanted]
    has = f'its categories are {quoted(names)}'
    if twice := next((name for name in classes if list(classes).count(name) > 1), None):
        return f'gets the class {twice!r} twice: the classes are {quoted(classes)}', None
    if not found:
        return f'has none of the classes {quoted(classes)}: {has}', None
    if twice := next((name for name in found if found.count(name) > 1), None):
        return f'has the category {twice!r} twice, which shifts the labels behind it: {has}', None
    lacking = [name for name in classes if name not in set(found)]
    hints = {name: hint for name in lacking if (hint := nearest(name, spare)) is not None}
    if lacking and (complete or hints or found != list(classes[: len(found)])):
        near = '; '.join(f'{name!r} is nearest to its {hint!r}' for name, hint in hints.items())
        return f'has no category {quoted(lacking)}: {near + "; " * bool(near)}{has}', None
    if lacking:
        return None, f'has no category {quoted(lacking)}, which this file does not train'
    if found != list(classes):
        return (
            f'has the classes in another order, and mmdet numbers them as the file does: write '
            f'classes={_tuple(found)} in the config, or sort the categories of every file alike'
        ), None
    if not spare:
        return None, None
    more = f'{len(spare)} of its {len(names)} categories'
    return None, f'{more} are no classes of the config and are left out ({quoted(spare)})'


def nearest(name: str, others: Iterable[str]) -> str | None:
    """The name that was probably meant: capitals and blanks aside, or a few letters off."""
    plain = {other.strip().casefold(): other for other in others}
    match = get_close_matches(name.strip().casefold(), plain, 1, 0.75)
    return plain[match[0]] if match else None


def quoted(names: Sequence[str]) -> str:
    """Names for a sentence, the first dozen of them."""
    shown = ', '.join(map(repr, names[:SHOWN])) or 'none'
    return shown + (f' and {len(names) - SHOWN} more' if len(names) > SHOWN else '')


def _tuple(names: Sequence[str]) -> str:
    return repr(tuple(names)) if len(names) <= 3 * SHOWN else 'those of the file in their order'

"""What is wrong with what a sample names as its image: picture, clip or recording."""

from __future__ import annotations

import os

from mmsfa.datasets.suffixes import ALL_PICTURES, EVENTS, SOUNDS
from mmsfa.errors import UserError

from .picture_file import check_file, check_picture


def check_image(path: str, deep: bool = False) -> str | None:
    """Check a picture, a folder of pictures (a clip), a recording of an event camera or a signal.

    Args:
        path: What a sample names. Files of other kinds, such as arrays or volumes, must only be
            there, readable and not empty.
        deep: Decode all of it.

    Returns:
        One short phrase, or None for a sound file.
    """
    if os.path.isdir(path):
        return _check_folder(path, deep)
    suffix = os.path.splitext(path)[1].lower()
    if not suffix or suffix in ALL_PICTURES:
        return check_picture(path, deep)
    fault = check_file(path)
    if fault is None and deep and suffix in EVENTS:
        return _check_events(path)
    # An array or a table may be anything.
    is_signal = suffix in (*SOUNDS, '.edf')
    return _check_signal(path) if fault is None and deep and is_signal else fault


def _check_folder(path: str, deep: bool) -> str | None:
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        return f'a folder that cannot be read ({error.strerror or error})'
    names = [name for name in names if os.path.splitext(name)[1].lower() in ALL_PICTURES]
    if not names:
        return 'a folder without pictures, not a file'
    for name in names if deep else ():
        if (fault := check_picture(os.path.join(path, name), deep)) is not None:
            return f'{name} in this folder: {fault}'
    return None


def _check_events(path: str) -> str | None:
    # Not at the top: the event package registers data sets and imports this one's parent.
    from mmsfa.datasets.events.readers.event_array import EventFileError
    from mmsfa.datasets.events.readers.reader import read_events

    try:
        read_events(path)
    except EventFileError as error:
        return without_path(error, path)
    return None


def _check_signal(path: str) -> str | None:
    from mmsfa.datasets.signals.reader import read_signal

    try:
        read_signal(path)
    except UserError as error:  # it is no such signal, or what reads it is not installed
        return without_path(error, path)
    return None


def without_path(error: BaseException, path: str) -> str:
    """The sentence of an error as a phrase: without the path and the full stop."""
    text = str(error).removeprefix(f'{path} cannot be read: ').removeprefix(f'{path}: ')
    return text.rstrip('.')

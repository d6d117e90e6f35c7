"""The structured numpy array that every reader returns, and how a reader refuses a file."""

from __future__ import annotations

import os
from typing import NoReturn

import numpy as np

from mmsfa.errors import UserError

Array = np.ndarray

# t in microseconds, x to the right and y downwards in pixels, p = 1 brighter (ON), 0 darker (OFF).
EVENT_DTYPE = np.dtype([('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', 'i1')])


class EventFileError(UserError, ValueError):
    """A file is truncated or of another format; the message names the file and the byte offset."""


def refuse(path: str | os.PathLike, offset: int, problem: str, remedy: str) -> NoReturn:
    """Refuse a file with one sentence.

    Args:
        path: The file.
        offset: Byte, counted from 0, at which the problem lies.
        problem: What was expected and what came, without a full stop.
        remedy: How to mend it, without a full stop.

    Raises:
        EventFileError: Always.
    """
    raise EventFileError(f'{path} cannot be read: at byte {offset}, {problem}; {remedy}.')


def whole_records(
    data: bytes, start: int, size: int, path: str | os.PathLike, what: str = 'event'
) -> bytes:
    """The bytes from ``start`` on, which must be whole records.

    Args:
        data: The whole file.
        start: Where the records begin.
        size: Bytes of one record.
        path: The file, for the message.
        what: What a record is, for the message.

    Raises:
        EventFileError: The last record is cut off.
    """
    rest = (len(data) - start) % size
    if rest:
        offset = len(data) - rest
        refuse(
            path,
            offset,
            f'{what}s of {size} bytes were expected, but the file ends after {rest} bytes of one',
            'it is truncated or of another format, so copy or download it again',
        )
    return data[start:]

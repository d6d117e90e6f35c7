"""Read Prophesee ``.dat`` files: N-CARS, GEN1 and 1 Mpx recordings.

Header lines that begin with ``%``, one byte with the kind of events, one with their size, then
eight bytes an event, little endian: time in microseconds (32 bits); x (14 bits), y (14 bits),
polarity (4 bits). Source: Prophesee, "DAT file format",
https://docs.prophesee.ai/stable/data/file_formats/dat.html.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .event_array import make_events, refuse, whole_records
from .prophesee_header import split_header

Array = np.ndarray

KINDS = (0x00, 0x0C)  # 2D events, contrast detection
EVENT_SIZE = 8


def read_dat(path: str | os.PathLike) -> Array:
    """Read one recording.

    Args:
        path: The file.

    Returns:
        Events, dtype ``EVENT_DTYPE``, shape (N,).

    Raises:
        EventFileError: The file is truncated or of another format.
    """
    data = Path(path).read_bytes()
    header, start = split_header(data)
    version = header.get('version', '2')
    if not header or version != '2':
        came = f'version {version}' if header else f'{data[:10]!r}'
        refuse(
            path,
            0,
            f'a header of lines with % and version 2 was expected, got {came}',
            'convert the recording with the tools of the camera',
        )
    kind_and_size = tuple(data[start : start + 2])
    if len(kind_and_size) < 2 or kind_and_size[0] not in KINDS or kind_and_size[1] != EVENT_SIZE:
        refuse(
            path,
            start,
            f'a kind of {KINDS} and the event size {EVENT_SIZE} were expected, got {kind_and_size}',
            'the file is truncated or holds other data than events, so get it again',
        )
    start += 2
    words = np.frombuffer(whole_records(data, start, EVENT_SIZE, path), '<u4').reshape(-1, 2)
    t, place = words.T.astype(np.int64)
    return make_events(t, place & 0x3FFF, (place >> 14) & 0x3FFF, (place >> 28) & 1)

"""Read AEDAT 2.0 files of a DVS128 sensor: CIFAR10-DVS.

Header lines that begin with ``#``, then eight bytes an event, big endian: address (32 bits), time
in microseconds (32 bits). Address of a DVS128: bit 0 polarity (0 = brighter), bits 1-7 column,
bits 8-14 row, bit 15 an external signal. Source: iniVation, "AEDAT file formats",
https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-2.0.html; Li et al.,
"CIFAR10-DVS", https://doi.org/10.3389/fnins.2017.00309.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .event_array import refuse, whole_records
from .event_columns import make_events

Array = np.ndarray

SIGNATURE = b'#!AER-DAT2'
SIZE = 128  # pixels in either direction


def read_aedat2(path: str | os.PathLike) -> Array:
    """Read one recording.

    The sensor's own axes are turned, as every loader of CIFAR10-DVS does: column = 127 - row of the
    sensor, row = 127 - column of the sensor.

    Args:
        path: The file.

    Returns:
        Events, dtype ``EVENT_DTYPE``, shape (N,).

    Raises:
        EventFileError: The file is truncated or of another format or sensor.
    """
    data = Path(path).read_bytes()
    start = _header_size(data)
    if not data.startswith(SIGNATURE):
        refuse(
            path,
            0,
            f'the header {SIGNATURE.decode()} was expected, got {data[:10]!r}',
            'give an AEDAT 2.0 file',
        )
    words = np.frombuffer(whole_records(data, start, 8, path), '>u4').reshape(-1, 2)
    address, t = words.T.astype(np.int64)
    is_pixel = (address & 0x8000) == 0
    foreign = np.flatnonzero(is_pixel & (address > 0x7FFF))
    if len(foreign):
        refuse(
            path,
            start + 8 * int(foreign[0]),
            f'an address of a DVS128 (below 0x8000) was expected, got {address[foreign[0]]:#x}',
            'this format is read for DVS128 only, so convert recordings of other sensors',
        )
    address, t = address[is_pixel], t[is_pixel]
    x = SIZE - 1 - ((address >> 8) & 0x7F)
    y = SIZE - 1 - ((address >> 1) & 0x7F)
    return make_events(t, x, y, 1 - (address & 1))


def _header_size(data: bytes) -> int:
    """Bytes of the header lines."""
    start = 0
    while data[start : start + 1] == b'#':
        end = data.find(b'\n', start)
        if end < 0:
            return len(data)
        start = end + 1
    return start

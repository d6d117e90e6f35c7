r"""Read AEDAT 3.1 files: DVS128 Gesture.

Header lines that begin with ``#``, up to ``#!END-HEADER\r\n``; then packets, little endian: a
header of 28 bytes (type and source, 16 bits each; event size, time offset, time overflow, capacity,
number and valid number, 32 bits each) and the events. Polarity events (type 1) have eight bytes:
bit 0 valid, bit 1 polarity, bits 2-16 y, bits 17-31 x, then 31 bits of time in microseconds, to
which the overflow counter adds the bits above. Source: iniVation, "AEDAT file
formats", https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-3.1.html.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np

from .event_array import refuse
from .event_columns import make_events

Array = np.ndarray

SIGNATURE = b'#!AER-DAT3'
END_OF_HEADER = b'#!END-HEADER\r\n'
PACKET = struct.Struct('<hhiiiiii')
POLARITY = 1
EVENT_SIZE = 8


def read_aedat3(path: str | os.PathLike, start: int | None = None, end: int | None = None) -> Array:
    """Read one recording, or a part of it.

    Args:
        path: The file.
        start: First time in microseconds; packets before it are passed over quickly.
        end: Time in microseconds before which the part ends.

    Returns:
        Events, dtype ``EVENT_DTYPE``, shape (N,). Events that the camera marked invalid are left
        out.

    Raises:
        EventFileError: The file is truncated or of another format.
    """
    data = Path(path).read_bytes()
    header_end = data.find(END_OF_HEADER)
    if not data.startswith(SIGNATURE) or header_end < 0:
        refuse(
            path,
            0,
            f'the header {SIGNATURE.decode()} ... {END_OF_HEADER.decode().strip()} was expected, '
            f'got {data[:10]!r}',
            'give an AEDAT 3.1 file',
        )
    position = header_end + len(END_OF_HEADER)
    words, high = [np.empty((0, 2), '<u4')], [np.empty(0, np.int64)]
    while position < len(data):
        number, size, overflow, capacity, is_polarity = _packet(data, position, path)
        position += PACKET.size
        if is_polarity and number:
            packet = np.frombuffer(data, '<u4', 2 * number, position).reshape(-1, 2)
            # Within a packet the time does not go back.
            first, last = (int(packet[i, 1]) | overflow << 31 for i in (0, -1))
            if (start is None or last >= start) and (end is None or first < end):
                words.append(packet)
                high.append(np.full(number, overflow << 31, np.int64))
        position += capacity * size
    address, low = np.concatenate(words).T.astype(np.int64)
    t = low | np.concatenate(high)
    keep = (address & 1) == 1
    if start is not None:
        keep &= t >= start
    if end is not None:
        keep &= t < end
    address, t = address[keep], t[keep]
    return make_events(t, address >> 17, (address >> 2) & 0x7FFF, (address >> 1) & 1)


def _packet(data: bytes, position: int, path: str | os.PathLike) -> tuple[int, int, int, int, bool]:
    """Number of events, event size, overflow, capacity, and whether they are polarity events."""
    get_again = 'the file is truncated, so copy or download it again'
    if len(data) - position < PACKET.size:
        rest = len(data) - position
        refuse(path, position, f'a packet header of 28 bytes was expected, got {rest}', get_again)
    kind, _, size, _, overflow, capacity, number, _ = PACKET.unpack_from(data, position)
    is_polarity = kind == POLARITY
    if kind < 0 or size < EVENT_SIZE or not 0 <= number <= capacity or overflow < 0:
        refuse(
            path,
            position,
            f'a packet header was expected, got type {kind} with {number} of {capacity} events of '
            f'{size} bytes',
            'the file is damaged or of another format, so get it again',
        )
    if is_polarity and size != EVENT_SIZE:
        refuse(
            path,
            position,
            f'polarity events of {EVENT_SIZE} bytes were expected, got {size} bytes',
            'the file is of another format, so convert it to AEDAT 3.1',
        )
    content = position + PACKET.size
    if len(data) - content < capacity * size:
        refuse(
            path,
            content,
            f'{capacity} events of {size} bytes were expected, but the file ends after '
            f'{len(data) - content} bytes',
            get_again,
        )
    return number, size, overflow, capacity, is_polarity

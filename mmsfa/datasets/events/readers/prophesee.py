"""Read Prophesee recordings: ``.dat`` (N-CARS, GEN1, 1 Mpx) and EVT 2.0 ``.raw`` files.

Both begin with header lines that start with ``%``. In ``.dat`` follow one byte with the kind of
events, one with their size, then eight bytes an event, little endian: time in microseconds (32
bits); x (14 bits), y (14 bits), polarity (4 bits). In EVT 2.0 follow words of 32 bits, little
endian; the four highest bits are the kind: 0 OFF and 1 ON (6 low bits of time, 11 bits x, 11 bits
y), 8 the 28 high bits of time, 10 an external trigger, 14 and 15 others. Sources: Prophesee,
https://docs.prophesee.ai/stable/data/file_formats/dat.html and
https://docs.prophesee.ai/stable/data/encoding_formats/evt2.html.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .event_array import refuse, whole_records
from .event_columns import make_events

Array = np.ndarray
Header = dict[str, str]

DAT_KINDS = (0x00, 0x0C)  # 2D events, contrast detection
DAT_EVENT_SIZE = 8
OFF, ON, TIME_HIGH, TRIGGER, OTHERS, CONTINUED = 0, 1, 8, 10, 14, 15
EVT2_KINDS = (OFF, ON, TIME_HIGH, TRIGGER, OTHERS, CONTINUED)


def split_header(data: bytes) -> tuple[Header, int]:
    """Read the lines that begin with ``%``, up to ``% end`` if there is one.

    Args:
        data: The whole file.

    Returns:
        The first word of each line, in small letters, with the rest of the line; and the number of
        bytes of the header.
    """
    header: Header = {}
    start = 0
    while data[start : start + 1] == b'%':
        end = data.find(b'\n', start)
        if end < 0:
            break
        key, _, value = data[start + 1 : end].decode('latin-1').strip().partition(' ')
        header[key.lower()] = value.strip()
        start = end + 1
        if key.lower() == 'end':
            break
    return header, start


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
    found = tuple(data[start : start + 2])
    if len(found) < 2 or found[0] not in DAT_KINDS or found[1] != DAT_EVENT_SIZE:
        refuse(
            path,
            start,
            f'a kind of {DAT_KINDS} and the event size {DAT_EVENT_SIZE} were expected, got {found}',
            'the file is truncated or holds other data than events, so get it again',
        )
    start += 2
    words = np.frombuffer(whole_records(data, start, DAT_EVENT_SIZE, path), '<u4').reshape(-1, 2)
    t, place = words.T.astype(np.int64)
    return make_events(t, place & 0x3FFF, (place >> 14) & 0x3FFF, (place >> 28) & 1)


def write_dat(path: str | os.PathLike, events: Array) -> None:
    """Write a ``.dat`` file, for recordings of formats that `read_events` does not read.

    Args:
        path: The file; it is replaced if it exists.
        events: Of ``make_events``, shape (N,).

    Raises:
        ValueError: A time does not fit into 32 bits, or a place into 14.
    """
    words: Array = np.empty((len(events), 2), '<u4')
    for name, bits in (('t', 32), ('x', 14), ('y', 14)):
        column = events[name]
        if len(column) and not (column.min() >= 0 and int(column.max()) < 1 << bits):
            raise ValueError(
                f'A .dat file holds {name} in 0..{(1 << bits) - 1}, got '
                f'{column.min()}..{column.max()}: subtract the smallest value.'
            )
    place = events['x'].astype(np.uint32) | events['y'].astype(np.uint32) << 14
    words[:, 0], words[:, 1] = events['t'], place | events['p'].astype(np.uint32) << 28
    head = b'% Data file containing CD events.\n% Version 2\n\x0c' + bytes([DAT_EVENT_SIZE])
    Path(path).write_bytes(head + words.tobytes())


def version_of(header: Header) -> str | None:
    """``'2'``, ``'2.1'``, ``'3'`` ... as an EVT header states it; None if it states none."""
    if 'format' in header:  # "% format EVT2;height=720;width=1280"
        name = header['format'].split(';')[0].upper()
        return name.removeprefix('EVT').removesuffix('.0') if name.startswith('EVT') else None
    return header['evt'].removesuffix('.0') if 'evt' in header else None  # "% evt 2.0"


def read_evt2(path: str | os.PathLike) -> Array:
    """Read one recording.

    Args:
        path: The file.

    Returns:
        Events, dtype ``EVENT_DTYPE``, shape (N,). Events before the first high bits of time have no
        time and are left out.

    Raises:
        EventFileError: The file is truncated or of another format.
    """
    data = Path(path).read_bytes()
    header, start = split_header(data)
    version = version_of(header)
    if version != '2':
        came = 'no EVT header' if version is None else f'EVT {version}'
        refuse(
            path,
            0,
            f'a header of EVT 2.0 was expected, got {came}',
            'convert the recording to EVT 2.0 or to .dat with the tools of the camera',
        )
    words = np.frombuffer(whole_records(data, start, 4, path, 'word'), '<u4').astype(np.int64)
    kind = words >> 28
    foreign = np.flatnonzero(~np.isin(kind, EVT2_KINDS))
    if len(foreign):
        refuse(
            path,
            start + 4 * int(foreign[0]),
            f'a word of the kinds {EVT2_KINDS} was expected, got {kind[foreign[0]]}',
            'the file is damaged or of another format, so get it again',
        )
    is_event = kind <= ON
    t = _high_bits(words, kind == TIME_HIGH) | ((words >> 22) & 0x3F)
    keep = is_event & (np.cumsum(kind == TIME_HIGH) > 0)
    words, t, kind = words[keep], t[keep], kind[keep]
    return make_events(t, (words >> 11) & 0x7FF, words & 0x7FF, kind == ON)


def _high_bits(words: Array, is_high: Array) -> Array:
    """The high bits of time that hold at each word, in their place (shifted by 6)."""
    value = np.where(is_high, words & 0x0FFF_FFFF, 0)
    places = np.flatnonzero(is_high)
    # The counter goes round after 2**28 steps (4.8 hours); a small step back is only disorder.
    value[places[1:]] += np.cumsum(np.diff(value[places]) < -(1 << 27)) << 28
    last = np.maximum.accumulate(np.where(is_high, np.arange(len(words)), 0))
    return value[last] << 6

"""Read an event file of any known format: the header decides, then the suffix."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from mmsfa.datasets.suffixes import EVENTS

from .aedat2 import SIGNATURE as AEDAT2
from .aedat2 import read_aedat2
from .aedat3 import SIGNATURE as AEDAT3
from .aedat3 import read_aedat3
from .atis_bin import read_atis_bin
from .event_array import refuse
from .foreign import known_format
from .prophesee import read_dat, read_evt2, split_header, version_of

Array = np.ndarray

_HEADER_BYTES = 4096  # enough of a file to know its header by


def read_events(path: str | os.PathLike, start: int | None = None, end: int | None = None) -> Array:
    """Read N-MNIST ``.bin``, AEDAT 2.0 and 3.1 ``.aedat``, EVT 2.0 ``.raw`` or ``.dat``.

    Args:
        path: The file.
        start: First time in microseconds; None reads from the beginning.
        end: Time in microseconds before which the part ends; None reads to the end.

    Returns:
        Events in the order of time, dtype ``EVENT_DTYPE``, shape (N,).

    Raises:
        EventFileError: The file is truncated or of an unknown format; of some the message says
            what converts them.
        FileNotFoundError: There is no such file.
    """
    with open(path, 'rb') as file:
        head = file.read(_HEADER_BYTES)
    if head.startswith(AEDAT3):
        return read_aedat3(path, start, end)
    events = _read_whole(path, head)
    first = 0 if start is None else np.searchsorted(events['t'], start)
    last = len(events) if end is None else np.searchsorted(events['t'], end)
    return events[first:last]


def _read_whole(path: str | os.PathLike, head: bytes) -> Array:
    suffix = Path(path).suffix.lower()
    if (foreign := known_format(path, head)) is not None:
        what, remedy = foreign
        refuse(path, 0, f'a recording was expected, got {what}', remedy)
    if head.startswith(AEDAT2):
        return read_aedat2(path)
    if head.startswith(b'%'):
        is_evt = version_of(split_header(head)[0]) is not None or suffix == '.raw'
        return read_evt2(path) if is_evt else read_dat(path)
    if suffix == '.bin':  # the only format without a header
        return read_atis_bin(path)
    refuse(
        path,
        0,
        f'the header of AEDAT 2.0, AEDAT 3.1, EVT 2.0 or .dat was expected, got {head[:10]!r}',
        f'give one of these files, or the .bin of N-MNIST (known suffixes: {", ".join(EVENTS)})',
    )

"""Read ATIS ``.bin`` files: N-MNIST and N-Caltech101.

Five bytes an event, big endian bits: x (8), y (8), polarity (1), time in microseconds (23). Source:
Orchard et al., "Converting Static Image Datasets to Spiking Neuromorphic Datasets Using Saccades",
https://www.garrickorchard.com/datasets/n-mnist.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .event_array import refuse, whole_records
from .event_columns import make_events

Array = np.ndarray

RECORD = 5
CLOCK_ROW = 240  # no pixel: the clock of the sensor went round
CLOCK_TURN = 1 << 13  # microseconds


def read_atis_bin(path: str | os.PathLike) -> Array:
    """Read one recording.

    Args:
        path: The file.

    Returns:
        Events, dtype ``EVENT_DTYPE``, shape (N,).

    Raises:
        EventFileError: The file is empty, truncated or of another format.
    """
    data = Path(path).read_bytes()
    if not data:
        refuse(path, 0, 'events of 5 bytes were expected, but the file is empty', 'get it again')
    columns = np.frombuffer(whole_records(data, 0, RECORD, path), np.uint8).reshape(-1, RECORD)
    x, y, high, middle, low = columns.T.astype(np.int64)
    t = ((high & 127) << 16) | (middle << 8) | low
    is_clock = y == CLOCK_ROW
    t += CLOCK_TURN * np.cumsum(is_clock)
    places = np.flatnonzero(~is_clock)
    t = t[places]
    backwards = np.flatnonzero(np.diff(t) < 0)
    if len(backwards):
        index = int(backwards[0]) + 1
        refuse(
            path,
            RECORD * int(places[index]),
            f'an event at {t[index - 1]} us or later was expected, got {t[index]} us',
            'a recording of this format is in the order of time, so this is another format',
        )
    return make_events(t, x[places], y[places], high[places] >> 7)

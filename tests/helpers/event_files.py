"""Event files, written from the definitions of their formats."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

# Corners, equal times, both polarities: t, x, y, p
EVENTS = [(5, 0, 0, 1), (5, 127, 3, 0), (90, 3, 127, 1), (70_000, 127, 127, 0)]
AEDAT2_HEADER = b'#!AER-DAT2.0\r\n# This is a raw AE data file\r\n# created by a test\r\n'
AEDAT3_HEADER = b'#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n'
EVT2_HEADER = b'% evt 2.0\n% format EVT2;height=720;width=1280\n% end\n'
DAT_HEADER = b'% Data file containing CD events.\n% Version 2\n% Height 240\n% Width 304\n'


def atis_bin(events: list[tuple]) -> bytes:
    return b''.join(bytes([x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255]) for t, x, y, p in events)


def aedat2(events: list[tuple]) -> bytes:
    """The sensor's axes are turned, and bit 0 is 1 for OFF."""
    words = [((127 - x) << 8 | (127 - y) << 1 | 1 - p, t) for t, x, y, p in events]
    return AEDAT2_HEADER + b''.join(struct.pack('>II', *word) for word in words)


def aedat3_packet(
    events: list[tuple], kind: int = 1, valid: int = 1, spare: int = 0, overflow: int = 0
) -> bytes:
    body = b''.join(
        struct.pack('<II', x << 17 | y << 2 | p << 1 | valid, t) for t, x, y, p in events
    )
    capacity = len(events) + spare
    header = struct.pack('<hhiiiiii', kind, 1, 8, 4, overflow, capacity, len(events), len(events))
    return header + body + bytes(8 * spare)


def aedat3(events: list[tuple]) -> bytes:
    special = aedat3_packet([(1, 9, 9, 1)], kind=0)
    half = len(events) // 2
    packets = [aedat3_packet(events[:half], spare=2), special, aedat3_packet(events[half:])]
    return AEDAT3_HEADER + b''.join(packets)


def evt2(events: list[tuple]) -> bytes:
    words = []
    high = None
    for t, x, y, p in events:
        if t >> 6 != high:
            high = t >> 6
            words.append(8 << 28 | high)
        words.append(p << 28 | (t & 63) << 22 | x << 11 | y)
    words += [10 << 28 | 1, 14 << 28, 15 << 28]  # trigger, other, continued
    return EVT2_HEADER + struct.pack(f'<{len(words)}I', *words)


def dat(events: list[tuple]) -> bytes:
    words = [struct.pack('<II', t, p << 28 | y << 14 | x) for t, x, y, p in events]
    return DAT_HEADER + b'\x0c\x08' + b''.join(words)


WRITERS = {'.bin': atis_bin, '2.aedat': aedat2, '3.aedat': aedat3, '.raw': evt2, '.dat': dat}


def write_recordings(folder: Path) -> None:
    """Two recordings of 400 random events of each of two classes, in the layout of CIFAR10-DVS."""
    draw = np.random.default_rng(0)
    for kind in ('airplane', 'daisy'):
        (folder / kind).mkdir(parents=True)
        for i in range(2):
            places = enumerate(draw.integers(0, 128, (400, 2)))
            events = [(t, int(x), int(y), t % 2) for t, (x, y) in places]
            (folder / kind / f'{kind}_{i}.aedat').write_bytes(aedat2(events))

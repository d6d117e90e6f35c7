"""Format and size of a picture out of its first bytes."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from mmsfa.data_check import check_image
from mmsfa.data_check.picture_header import HEAD_BYTES, Header, read_header
from tests.helpers.encoded_pictures import JPEG, encoded


def test_junk_behind_the_first_bytes_of_a_jpeg(tmp_path: Path) -> None:
    path = tmp_path / 'a.jpg'
    path.write_bytes(JPEG[:4] + bytes(1 << 17))
    assert 'no picture, or its header is broken' in check_image(str(path))


def header_of(path: Path) -> Header | None:
    with path.open('rb', buffering=0) as file:
        return read_header(file.read(HEAD_BYTES), file)


@pytest.mark.parametrize(
    ('suffix', 'name', 'size'),
    [
        ('.jpg', 'JPEG', (60, 40)),
        ('.png', 'PNG', (60, 40)),
        ('.bmp', 'BMP', (60, 40)),
        ('.gif', 'GIF', (60, 40)),
        ('.webp', 'WebP', None),
        ('.tiff', 'TIFF', None),
        ('.jp2', 'JPEG 2000', None),
        ('.hdr', 'Radiance HDR', None),
        ('.ppm', 'portable pixmap', None),
    ],
)
def test_what_opencv_writes(tmp_path: Path, suffix: str, name: str, size: tuple | None) -> None:
    path = tmp_path / 'a'
    path.write_bytes(encoded(suffix))
    assert header_of(path)[:2] == (name, size)


def test_the_frame_of_a_jpeg_may_stand_far_back(tmp_path: Path) -> None:
    """Behind a thumbnail with a frame of its own, and bytes that fill."""
    path = tmp_path / 'a'
    segment = b'\xff\xe1' + (2 + len(JPEG)).to_bytes(2, 'big') + JPEG  # its frame says the same,
    segment = segment.replace(b'\x00\x28\x00\x3c', b'\x00\x01\x00\x02')  # now 2 x 1
    data = JPEG[:2] + segment + b'\xff\xff' + JPEG[2:]
    path.write_bytes(data)
    found = header_of(path)
    assert found.size == (60, 40) and data[found.end : found.end + 2] == b'\xff\xc0'
    assert found.end > len(segment) > HEAD_BYTES


def test_bitmaps_from_the_top_and_of_the_oldest_kind(tmp_path: Path) -> None:
    path, data = tmp_path / 'a', bytearray(encoded('.bmp'))
    data[22:26] = (-40).to_bytes(4, 'little', signed=True)
    path.write_bytes(data)
    assert header_of(path).size == (60, 40)
    data[14:22] = struct.pack('<IHH', 12, 7, 5)
    path.write_bytes(data)
    assert header_of(path).size == (7, 5)
    data[14:18] = struct.pack('<I', 9)
    path.write_bytes(data)
    assert header_of(path) is None

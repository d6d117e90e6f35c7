"""Format and size of a picture out of its first bytes."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import pytest

from mmsfa.data_check import check_image
from mmsfa.data_check.picture_header import HEAD_BYTES, Header, read_header
from tests.helpers.encoded_pictures import JPEG, PNG, encoded, tagged


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


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_orientation_tags(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / 'a'
    path.write_bytes(tagged(suffix, orientation))
    found = header_of(path)
    assert found.size == (60, 40) and found.orientation == orientation


def exif(order: str, start: int, value: int) -> bytes:
    """EXIF data of two entries, the second of which is the orientation."""
    entries = struct.pack(f'{order}HHHIHHHHIHH', 2, 0x010F, 3, 1, 0, 0, 0x0112, 3, 1, value, 0)
    head = {'<': b'II*\0', '>': b'MM\0*'}[order] + struct.pack(f'{order}I', start)
    return head.ljust(start, b'\0') + entries


@pytest.mark.parametrize(('start', 'behind_thumbnail'), [(8, 0), (900, 0), (8, 30_000)])
@pytest.mark.parametrize('order', ['<', '>'])
def test_where_the_tag_of_a_jpeg_may_stand(
    tmp_path: Path, order: str, start: int, behind_thumbnail: int
) -> None:
    data = b'Exif\0\0' + exif(order, start, 6)
    before = b'\xff\xe2' + struct.pack('>H', 2 + behind_thumbnail) + bytes(behind_thumbnail)
    path = tmp_path / 'a'
    path.write_bytes(
        JPEG[:2] + before + b'\xff\xe1' + struct.pack('>H', 2 + len(data)) + data + JPEG[2:]
    )
    assert header_of(path)[:2] == ('JPEG', (60, 40)) and header_of(path).orientation == 6


@pytest.mark.parametrize('data', [exif('<', 8, 9), exif('<', 8, 6)[:-3], b'', b'junk', b'II*\0'])
def test_what_is_no_orientation(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / 'a'
    segment = b'\xff\xe1' + struct.pack('>H', 8 + len(data)) + b'Exif\0\0' + data
    path.write_bytes(JPEG[:2] + segment + JPEG[2:])
    assert header_of(path)[:2] == ('JPEG', (60, 40)) and header_of(path).orientation == 1


@pytest.mark.parametrize('place', [8 + 25, len(PNG) - 12])  # behind the header, behind the pixels
def test_where_the_tag_of_a_png_may_stand(tmp_path: Path, place: int) -> None:
    body = b'eXIf' + exif('>', 8, 8)
    chunk = struct.pack('>I', len(body) - 4) + body + struct.pack('>I', zlib.crc32(body))
    path = tmp_path / 'a.png'
    path.write_bytes(PNG[:place] + chunk + PNG[place:])
    assert header_of(path).orientation == 8
    assert cv2.imread(str(path)).shape == (60, 40, 3)  # OpenCV heeds it in both places

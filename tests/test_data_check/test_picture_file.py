"""One file is sound or not: from its ends, and by decoding it."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import cv2
import pytest
from PIL import Image

from mmsfa.data_check import check_image
from tests.helpers.encoded_pictures import JPEG, PICTURE, PNG, encoded

NO_HEIGHT = bytearray(JPEG)
NO_HEIGHT[JPEG.index(b'\xff\xc0') + 5 : JPEG.index(b'\xff\xc0') + 7] = b'\0\0'
NO_WIDTH = PNG[:16] + b'\0\0\0\0' + PNG[20:]


def with_thumbnail() -> bytes:
    """A JPEG whose EXIF data hold another JPEG, with an end mark of its own."""
    small = cv2.imencode('.jpg', PICTURE[:8, :8])[1].tobytes()
    exif = b'Exif\0\0' + small
    return JPEG[:2] + b'\xff\xe1' + (len(exif) + 2).to_bytes(2, 'big') + exif + JPEG[2:]


THUMBNAIL = with_thumbnail()


@pytest.mark.parametrize(
    'suffix', ['.jpg', '.png', '.bmp', '.webp', '.tiff', '.ppm', '.jp2', '.hdr', '.gif']
)
def test_sound_pictures(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f'a{suffix}'
    path.write_bytes(encoded(suffix))
    assert check_image(str(path)) is None
    assert check_image(str(path), deep=True) is None


@pytest.mark.parametrize(
    'data', [JPEG + b'\0' * 5000, PNG + b'\n', THUMBNAIL, JPEG[:2] + b'\xff\xff' + JPEG[3:]]
)
def test_odd_but_sound_pictures(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / 'a'
    path.write_bytes(data)
    assert check_image(str(path)) is None
    assert check_image(str(path), deep=True) is None


@pytest.mark.parametrize(
    ('data', 'phrase'),
    [
        (b'', 'empty (0 bytes)'),
        (b'<html>not found</html>', 'no picture'),
        (os.urandom(0) + b'\x89PNG\r\n\x1a\nIHDR', 'no picture, or its header is broken'),
        (JPEG[:60], 'no picture, or its header is broken'),
        (JPEG[:-2], 'truncated (JPEG'),
        (JPEG[: len(JPEG) // 2] + b'\0' * 3000, 'truncated (JPEG'),
        (THUMBNAIL[: THUMBNAIL.rindex(b'\xff\xda') + 300], 'truncated (JPEG'),
        (PNG[:-12], 'truncated (PNG'),
        (bytes(NO_HEIGHT), 'zero size (60 x 0'),
        (NO_WIDTH, 'zero size (0 x 40'),
        (b'P5junk', 'no picture'),
    ],
)
def test_faults_seen_from_the_ends(tmp_path: Path, data: bytes, phrase: str) -> None:
    path = tmp_path / 'a.jpg'
    path.write_bytes(data)
    assert phrase in check_image(str(path))


def test_what_is_no_file(tmp_path: Path) -> None:
    assert check_image(str(tmp_path / 'a.jpg')) == 'missing'
    (tmp_path / 'link.jpg').symlink_to(tmp_path / 'nowhere')
    assert 'dangling' in check_image(str(tmp_path / 'link.jpg'))
    (tmp_path / 'folder.jpg').mkdir()
    assert 'a folder' in check_image(str(tmp_path / 'folder.jpg'))
    os.mkfifo(tmp_path / 'pipe.jpg')  # opening it would wait for ever
    assert 'pipe' in check_image(str(tmp_path / 'pipe.jpg'))
    assert 'cannot be reached' in check_image(str(tmp_path / ('a' * 300)))


def test_no_permission() -> None:
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is closed to other users
        os.chmod(folder, 0o755)
        path = Path(folder) / 'a.jpg'
        path.write_bytes(JPEG)
        path.chmod(0)
        ids = os.getresuid()
        if 0 in ids[:2]:  # root may read everything
            try:
                os.setresuid(65534, 65534, 0)
            except OSError:
                pytest.skip('this root can be nobody else')
        try:
            assert check_image(str(path)) == 'no permission to read it'
        finally:
            os.setresuid(*ids)


def broken_png() -> bytes:
    """Half of the pixels replaced by zeros; both ends are sound."""
    middle = len(PNG) // 2
    return PNG[:middle] + b'\0' * 200 + PNG[middle + 200 :]


@pytest.mark.parametrize(
    ('suffix', 'data'),
    [
        ('.png', broken_png()),
        ('.webp', encoded('.webp')[:-200]),
        ('.bmp', encoded('.bmp')[:-2000]),
        ('.tiff', encoded('.tiff')[:-3000]),
    ],
)
def test_faults_seen_by_decoding_only(tmp_path: Path, suffix: str, data: bytes) -> None:
    path = tmp_path / f'a{suffix}'
    path.write_bytes(data)
    assert check_image(str(path)) is None
    assert check_image(str(path), deep=True)


def test_deep_agrees_with_a_strict_decoder(tmp_path: Path) -> None:
    """Cut anywhere: whatever Pillow refuses is refused, from the ends alone for JPEG and PNG."""
    path = tmp_path / 'a.jpg'
    for data in (JPEG, PNG, THUMBNAIL):
        for end in range(1, len(data) - 2, 97):
            with pytest.raises((OSError, SyntaxError)):
                Image.open(io.BytesIO(data[:end])).load()
            path.write_bytes(data[:end])
            assert check_image(str(path))

"""Which pictures mmcv turns, and what the annotations say about it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import mmcv
import pytest
from mmcv.transforms import LoadImageFromFile

from mmsfa.data_check.orientation import (
    Reading,
    is_turned,
    misread,
    read_size,
    reading_of,
    stored,
)
from tests.helpers.encoded_pictures import JPEG, encoded, tagged

SUFFIXES = ['.jpg', '.png', '.webp', '.tiff']
READINGS = [
    Reading(colour, backend)
    for backend in ('cv2', 'pillow')
    for colour in ('color', 'color_ignore_orientation', 'grayscale', 'unchanged')
]


def written(folder: Path, data: bytes) -> str:
    path = folder / 'picture'
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize('orientation', [1, 3, 6, 7])
@pytest.mark.parametrize('suffix', SUFFIXES)
def test_the_size_as_it_is_read_is_that_of_mmcv(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    path = written(tmp_path, tagged(suffix, orientation))
    assert stored(path)[1:] == ((60, 40), orientation)
    for reading in READINGS:
        picture = mmcv.imread(path, reading.color_type, backend=reading.imdecode_backend)
        assert read_size(path, reading) == picture.shape[1::-1], reading
        plain = mmcv.imread(
            written(tmp_path, tagged(suffix, 1)),
            reading.color_type,
            backend=reading.imdecode_backend,
        )
        path = written(tmp_path, tagged(suffix, orientation))
        changed = picture.shape != plain.shape or (picture != plain).any()
        assert is_turned(stored(path), reading) == changed, reading


def test_what_cannot_be_turned(tmp_path: Path) -> None:
    assert stored(written(tmp_path, b'junk')) == ('', None, 1)
    assert stored(written(tmp_path, encoded('.bmp'))) == ('BMP', (60, 40), 1)
    assert stored(written(tmp_path, encoded('.webp'))) == ('WebP', (60, 40), 1)


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_what_the_sentence_says_mends_it(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, tagged(suffix, 6))
    picture = stored(path)
    for reading in READINGS:
        size = read_size(path, reading)
        assert misread(picture, size, reading) is None
        said = misread(picture, size[::-1], reading)
        assert f'{size[0]} x {size[1]} pixels, but its annotations are for' in said
        if 'write the file anew' in said:
            assert suffix == '.tiff'
            continue
        colour, backend = said.split("'")[1::2]
        loaded = LoadImageFromFile(color_type=colour, imdecode_backend=backend)(dict(img_path=path))
        assert loaded['img'].shape[:2] == size


def test_another_size_is_told_without_the_tag(tmp_path: Path) -> None:
    for data in (JPEG, tagged('.jpg', 3)):
        said = misread(stored(written(tmp_path, data)), (40, 60), Reading())
        assert said == 'a picture of 60 x 40 pixels, but its annotations are for 40 x 60'


def test_how_a_pipeline_reads() -> None:
    step = dict(type='mmcv.LoadImageFromFile', color_type='unchanged')
    assert reading_of([step]) == ('unchanged', 'cv2')
    built = [object(), LoadImageFromFile(imdecode_backend='pillow')]
    assert reading_of(SimpleNamespace(transforms=built)) == ('color', 'pillow')
    assert reading_of([dict(type='LoadEvents')]) is reading_of(None) is None

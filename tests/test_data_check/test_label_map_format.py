"""Which files of label maps reach the model as the numbers that they hold."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import mmcv
import numpy as np
import pytest
from PIL import Image

from mmsfa.data_check.label_map_format import (
    NOT_CLASSES,
    check_format,
    check_values,
    compare_palettes,
    palette_of,
)

LABELS = np.array([[0, 1, 1], [1, 0, 1]], np.uint8)
COLOURS = [(0, 0, 0), (200, 0, 0), (0, 200, 0)]


def grey_png(bits: int) -> bytes:
    """`LABELS` in a PNG of few bits a pixel, which Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        )

    rows = b''
    for row in LABELS:
        number = int(''.join(f'{value:0{bits}b}' for value in row).ljust(16, '0'), 2)
        rows += b'\0' + number.to_bytes(2, 'big')[: (3 * bits + 7) // 8]
    header = struct.pack('>IIBBBBB', 3, 2, bits, 0, 0, 0, 0)
    parts = chunk(b'IHDR', header), chunk(b'IDAT', zlib.compress(rows)), chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + b''.join(parts)


def with_palette(colours: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.fromarray(LABELS).convert('P')
    image.putdata(LABELS.ravel().tolist())
    image.putpalette([value for colour in colours for value in colour])
    return image


def write(folder: Path, kind: str) -> str:
    path = folder / {'jpeg': 'a.jpg', 'fractions': 'a.tiff', 'gif': 'a.gif'}.get(kind, 'a.png')
    grey = Image.fromarray(LABELS)
    made = {
        'grey': lambda: grey,
        'jpeg': lambda: grey,
        'palette': lambda: with_palette(COLOURS),
        'gif': lambda: with_palette(COLOURS),
        'one bit': lambda: Image.fromarray(LABELS > 0),
        '16 bits': lambda: Image.fromarray(LABELS.astype(np.uint16)),
        'too large': lambda: Image.fromarray(LABELS.astype(np.uint16) + 256),
        'fractions': lambda: Image.fromarray(LABELS / np.float32(2)),
        'colours': lambda: grey.convert('RGB'),
        'alpha': lambda: grey.convert('LA'),
    }
    if kind.endswith('grey bits'):
        path.write_bytes(grey_png(int(kind[0])))
    else:
        made[kind]().save(path)
    return str(path)


KINDS = {  # kind -> what is said with Pillow, and with OpenCV
    'grey': (None, None),
    '16 bits': (None, None),
    'palette': (None, "set imdecode_backend='pillow'"),
    'gif': (None, "set imdecode_backend='pillow'"),
    'one bit': (None, "reads as 255: set imdecode_backend='pillow'"),
    '2 grey bits': ('(1 becomes 85): save it with 8 bits',) * 2,
    '4 grey bits': ('(1 becomes 17): save it with 8 bits',) * 2,
    'too large': ('value 256 of the label map does not fit',) * 2,
    'fractions': ('this one has fractions',) * 2,
    'colours': (f'this one has 3 (RGB): {NOT_CLASSES}',) * 2,
    'alpha': ('this one has 2 (LA): save it without alpha',) * 2,
    'jpeg': ('a JPEG, which changes',) * 2,
}


@pytest.mark.parametrize('backend', ['pillow', 'cv2'])
@pytest.mark.parametrize('kind', KINDS)
def test_what_is_refused_is_what_the_decoder_gets_wrong(
    tmp_path: Path, kind: str, backend: str
) -> None:
    path = write(tmp_path, kind)
    what, words = check_format(path, backend), KINDS[kind][backend == 'cv2']
    assert (what is None) == (words is None) and (words or '') in (what or '')
    data = Path(path).read_bytes()
    decoded = mmcv.imfrombytes(data, flag='unchanged', backend=backend)
    decoded = None if decoded is None else decoded.squeeze().astype(np.uint8)  # as mmseg
    is_right = decoded is not None and decoded.shape == (2, 3) and (decoded == LABELS).all()
    if kind not in ('jpeg', 'too large'):  # the one may be right, the other is by 8 bits
        assert is_right == (what is None)


def test_what_pillow_does_not_know_is_left_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colours = write(tmp_path, 'colours')
    with monkeypatch.context() as patch:
        patch.setattr(Image, 'MAX_IMAGE_PIXELS', 2)  # of 6
        assert check_format(colours) is None and palette_of(colours) == []
    path = tmp_path / 'a.png'
    path.write_bytes(b'junk')
    assert check_format(str(path)) is None and palette_of(str(path)) == []
    assert check_format(str(tmp_path / 'none.png')) is None


@pytest.mark.parametrize(
    ('value', 'kind', 'words'),
    [
        (255, np.int32, None),
        (-1, np.int32, None),  # 255: unlabeled
        (65535, np.uint16, None),
        (7.0, np.float32, None),
        (-2, np.int32, 'value -2'),
        (256, np.int32, 'value 256'),
        (float('nan'), np.float32, 'fractions'),
    ],
)
def test_values_that_8_bits_hold(value: float, kind: type, words: str | None) -> None:
    what = check_values(np.full((2, 2), value, kind))
    assert what is None if words is None else words in what


def test_palettes(tmp_path: Path) -> None:
    def saved(name: str, colours: list) -> str:
        with_palette(colours).save(tmp_path / name)
        return str(tmp_path / name)

    black, red, green = COLOURS
    first, same, other = (
        saved('a.png', COLOURS),
        saved('b.png', COLOURS),
        saved('c.png', [black, green, red]),
    )
    (tmp_path / 'grey').mkdir()
    grey = write(tmp_path / 'grey', 'grey')
    assert palette_of(first)[:3] == COLOURS and palette_of(grey) == []
    assert compare_palettes([first, grey, same], 3) is None
    assert compare_palettes([], 3) is None
    said = compare_palettes([first, other], 3)
    assert f'1 is the colour (200, 0, 0) in {first} and (0, 200, 0) in {other}' in said
    assert compare_palettes([first, other], 1) is None  # colours that no class has
    # by the config
    assert compare_palettes([first], 3, [list(colour) for colour in COLOURS]) is None
    assert compare_palettes([first], 3, [(1, 2, 3), (4, 5, 6), (7, 8, 9)]) is None  # for display
    assert compare_palettes([first], 3, [red, green], first=1) is None  # 0 is unlabeled
    said = compare_palettes([first], 3, [black, green, red])
    assert '(200, 0, 0) is 1 in the file and 2 by the config' in said

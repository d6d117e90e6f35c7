"""Whether the numbers in the file of a label map reach the model: formats, read from the header.

What mmcv's decoders make of a file (Pillow 13.0, OpenCV 4.12, ``flag='unchanged'``), after which
mmseg keeps the lowest 8 bits of each value:

| file | ``'pillow'`` | ``'cv2'`` |
|---|---|---|
| grey, 8 bits | the numbers | the numbers |
| palette, any bits | the numbers | the colours |
| grey, 1 bit | 0 and 1 | 0 and 255 |
| grey, 2 or 4 bits | stretched to 0..255 | stretched to 0..255 |
| 16 or 32 bits, fractions | cut to 8 bits | cut to 8 bits |
| colours, or with alpha | several channels | several channels |
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, UnidentifiedImageError

Array = np.ndarray
Colour = tuple[int, ...]

NOT_CLASSES = 'give each pixel the number of its class, not a colour'
# A picture may also be larger than Pillow allows.
_UNREADABLE = (
    *(OSError, SyntaxError, ValueError),
    *(UnidentifiedImageError, Image.DecompressionBombError),
)


def check_format(path: str, backend: str = 'pillow') -> str | None:
    """Look at the header of a sound picture file; only values of over 8 bits are decoded.

    Args:
        path: The label map.
        backend: ``imdecode_backend`` of the pipeline's ``LoadAnnotations``.

    Returns:
        One short phrase, or None, also where Pillow does not know the format.
    """
    try:
        with Image.open(path) as image:
            return _check_header(image, backend) or _check_large(image)
    except _UNREADABLE:
        return None


def _check_header(image: Image.Image, backend: str) -> str | None:
    bands = image.getbands()
    if len(bands) > 1:
        return f'a label map has one channel, this one has {len(bands)} ({image.mode}): ' + (
            'save it without alpha' if bands == ('L', 'A') else NOT_CLASSES
        )
    if image.format == 'JPEG':
        return 'a JPEG, which changes the numbers of the classes at every edge: make PNG files'
    if image.mode == 'P' and backend == 'cv2':
        return (
            "a picture with a palette, whose colours imdecode_backend='cv2' reads instead of the "
            "numbers of the classes: set imdecode_backend='pillow'"
        )
    if image.mode == '1' and backend == 'cv2':
        return (
            "a picture of 1 bit, whose 1 imdecode_backend='cv2' reads as 255: set "
            "imdecode_backend='pillow'"
        )
    if (bits := _stretched(image)) is not None:
        return (
            f'a grey picture of {bits} bits, whose values decoders stretch to 0..255 (1 becomes '
            f'{255 // (2 ** int(bits) - 1)}): save it with 8 bits'
        )
    return None


def _stretched(image: Image.Image) -> str | None:
    """'2' or '4' for a grey picture of so many bits a pixel."""
    tile = getattr(image, 'tile', None)  # how Pillow will decode a file
    arguments = tile[0][3] if tile else ''
    raw = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return raw[2] if isinstance(raw, str) and raw[:2] == 'L;' and raw[2:3] in ('2', '4') else None


def _check_large(image: Image.Image) -> str | None:
    return None if image.mode in ('1', 'L', 'P') else check_values(np.asarray(image))


def check_values(values: Array) -> str | None:
    """Say which values 8 bits cannot hold; mmseg would wrap them round to other classes.

    Args:
        values: Of a label map, of any kind, shape (H, W).
    """
    if values.dtype.kind == 'f' and not (values == np.floor(values)).all():
        return 'a label map has whole numbers, this one has fractions'
    # All bits set, and -1, become 255: unlabeled.
    wrong = (values > 255) & (values != 65535) | (values.astype(np.float64) < -1)
    if not wrong.any():
        return None
    return f'value {values[wrong][0]} of the label map does not fit into 8 bits'


def palette_of(path: str) -> list[Colour]:
    """The colours of a picture with a palette; none for other files."""
    try:
        with Image.open(path) as image:
            colours = image.getpalette() if image.mode == 'P' else None
    except _UNREADABLE:
        return []
    return list(zip(*[iter(colours or ())] * 3, strict=True))


def compare_palettes(
    paths: Sequence[str], num_values: int, wanted: Sequence[Sequence[int]] = (), first: int = 0
) -> str | None:
    """Say where palettes contradict: the numbers are the labels, whatever their colours.

    Args:
        paths: Label maps; those without a palette are passed over.
        num_values: Colours of larger numbers are of no account.
        wanted: ``palette`` of the data set's metainfo, one colour a class.
        first: Number of the first class in the files.

    Returns:
        One sentence without a full stop, or None.
    """
    known: list[Colour] = []
    owner = ''
    for path in paths:
        colours = palette_of(path)[:num_values]
        for number, (mine, others) in enumerate(zip(colours, known, strict=False)):
            if mine != others:
                return (
                    f'The palettes of label maps differ: {number} is the colour {others} in '
                    f'{owner} and {mine} in {path}; their numbers are the labels, so look whether '
                    'a number means the same class in both'
                )
        if len(colours) > len(known):
            known, owner = colours, path
    moved = _moved(known, [tuple(colour) for colour in wanted], first)
    if not moved:
        return None
    colour, number, right = moved[0]
    return (
        f'The palette of {owner} has the colours of metainfo.palette in another order: {colour} is '
        f'{number} in the file and {right} by the config; the numbers are the labels, so look '
        'whether the order of the classes is right'
    )


def _moved(mine: list[Colour], wanted: list[Colour], first: int) -> list[tuple[Colour, int, int]]:
    """(colour, its number, the number by the config), if these are most of the common colours."""
    common = [
        (colour, number, wanted.index(colour) + first)
        for number, colour in enumerate(mine)
        if wanted.count(colour) == 1 and mine.count(colour) == 1
    ]
    moved = [one for one in common if one[1] != one[2]]
    return moved if len(moved) > 1 and 2 * len(moved) > len(common) else []

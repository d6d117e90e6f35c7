"""The windows that a segmentor slides over a picture."""

from __future__ import annotations

from typing import NamedTuple


class Window(NamedTuple):
    """A part of a picture in pixels; the bottom row and the right column are outside."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    @property
    def place(self) -> tuple[slice, slice]:
        """Index of the last two axes of a map."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def windows_of(test_cfg: dict | None, height: int, width: int) -> list[Window]:
    """The windows in which a model sees a picture, in the order in which it sees them.

    The arithmetic is that of mmseg's ``EncoderDecoder.slide_inference``: row by row; a window that
    would reach over the edge is moved back.

    Args:
        test_cfg: The model's own; without ``mode='slide'`` it sees the whole picture at once.
        height: Of the network's input.
        width: Of the network's input.
    """
    if not test_cfg or test_cfg.get('mode') != 'slide':
        return [Window(0, height, 0, width)]
    (crop_h, crop_w), (stride_h, stride_w) = test_cfg['crop_size'], test_cfg['stride']
    return [
        Window(*rows, *columns)
        for rows in _slide(height, crop_h, stride_h)
        for columns in _slide(width, crop_w, stride_w)
    ]


def _slide(length: int, crop: int, stride: int) -> list[tuple[int, int]]:
    number = max(length - crop + stride - 1, 0) // stride + 1
    ends = [min(i * stride + crop, length) for i in range(number)]
    return [(max(end - crop, 0), end) for end in ends]

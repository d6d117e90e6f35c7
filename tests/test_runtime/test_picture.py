"""Pictures are read as OpenCV reads them; resized, cropped and padded as a config says."""

from __future__ import annotations

from pathlib import Path

import cv2
import mmcv
import numpy as np
import pytest
from mmcv.transforms import CenterCrop, Resize
from mmpretrain.datasets.transforms import ResizeEdge
from PIL import Image

from mmsfa.runtime.picture import PictureError, prepare, read_picture

PLAIN = dict(channels='rgb', mean=None, std=None, pad_size=None, pad_divisor=1, pad_value=0)
LINEAR = dict(backend='cv2', interpolation='bilinear')


def noise(*size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'L', 'P', 'I;16', 'turned'])
def test_files_as_opencv_reads_them(mode: str, tmp_path: Path) -> None:
    path = tmp_path / ('a.jpg' if mode == 'turned' else 'a.png')
    if mode == 'I;16':
        Image.fromarray(noise(20, 30).astype(np.uint16) * 257).save(path)
    elif mode == 'turned':
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by 90 degrees
        Image.fromarray(noise(20, 30, 3)).save(path, exif=exif)
    else:
        Image.fromarray(noise(20, 30, 3)).convert(mode).save(path)
    want = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    got = read_picture(path)
    assert got.shape[:2] == ((30, 20) if mode == 'turned' else (20, 30))
    assert np.array_equal(got, want)


def test_what_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / 'a.png'
    path.write_bytes(b'junk')
    with pytest.raises(PictureError, match=r'a\.png cannot be read as a picture'):
        read_picture(path)
    with pytest.raises(PictureError, match=r'b\.png cannot be read .* No such file'):
        read_picture(tmp_path / 'b.png')
    with pytest.raises(PictureError, match=r'uint8 of shape .* got float32 of shape \(3, 4, 5\)'):
        read_picture(np.zeros((3, 4, 5), np.float32))
    picture = noise(3, 4, 3)
    assert read_picture(picture) is picture


@pytest.mark.parametrize('size', [(37, 53), (53, 37)])
@pytest.mark.parametrize(
    ('step', 'transform'),
    [
        (dict(type='resize', scale=[40, 90], keep_ratio=True), Resize((40, 90), keep_ratio=True)),
        (dict(type='resize', scale=[40, 90], keep_ratio=False), Resize((40, 90))),
        (
            dict(type='resize', scale=None, factor=[0.7, 1.3], keep_ratio=False),
            Resize(scale_factor=(0.7, 1.3)),
        ),
        (dict(type='resize_edge', scale=24, edge='short'), ResizeEdge(24)),
        (dict(type='resize_edge', scale=60, edge='long'), ResizeEdge(60, 'long')),
        (dict(type='resize_edge', scale=60, edge='height'), ResizeEdge(60, 'height')),
        (dict(type='center_crop', size=[40, 31]), CenterCrop((31, 40))),
    ],
)
def test_steps_as_mmcv_and_mmpretrain(size: tuple[int, int], step: dict, transform: object) -> None:
    picture = noise(*size, 3)
    want = transform(dict(img=picture, img_shape=size))
    found = prepare(picture, dict(PLAIN, steps=[step | LINEAR]))
    assert np.array_equal(found.image[0], want['img'].transpose(2, 0, 1))
    assert found.scale == pytest.approx(want.get('scale_factor', (1, 1)))
    assert (found.size, found.original_size) == (want['img'].shape[:2], size)


def test_normalisation_and_padding() -> None:
    picture = noise(5, 6, 3)
    settings = dict(PLAIN, steps=[], channels='bgr', mean=[1, 2, 3], std=[4, 5, 6], pad_divisor=4)
    found = prepare(picture, settings | dict(pad_value=-7))
    assert found.image.shape == (1, 3, 8, 8) and found.size == (5, 6)
    want = mmcv.imnormalize(picture[..., ::-1], np.array([1, 2, 3]), np.array([4, 5, 6]), False)
    np.testing.assert_allclose(found.image[0, :, :5, :6], want.transpose(2, 0, 1), rtol=1e-6)
    assert (found.image[0, :, 5:] == -7).all() and (found.image[0, :, :, 6:] == -7).all()
    assert prepare(picture, settings | dict(pad_size=[3, 9])).image.shape == (1, 3, 5, 9)

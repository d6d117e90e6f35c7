"""From files to batches."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmsfa.config.scopes import scope_of
from mmsfa.errors import OptionError, UserError
from mmsfa.visualization.pictures import (
    InferencePipeline,
    displayable,
    free_target,
    made_of,
    network_picture,
    output_files,
    picture_files,
    read_picture,
)
from tests.helpers.encoded_pictures import tagged

SIZES = {
    'configs/det/mask_rcnn_esf_demo.py': (64, 128),
    'configs/seg/upernet_esf_demo.py': (64, 128),
    'configs/cls/esf_tiny_flowers5.py': (128, 128),
}


@pytest.fixture
def blue(tmp_path: Path) -> Path:
    path = tmp_path / 'blue.png'
    cv2.imwrite(str(path), np.full((50, 100, 3), (255, 0, 0), np.uint8))
    return path


@pytest.mark.parametrize('config', SIZES)
def test_the_test_pipeline_runs_without_annotations(
    repo_dir: Path, blue: Path, config: str
) -> None:
    cfg = Config.fromfile(repo_dir / config)
    scope_of(cfg)
    init_default_scope(cfg.default_scope)
    batch = InferencePipeline(cfg)(blue)
    assert batch['inputs'][0].shape[-2:] == SIZES[config]
    assert batch['data_samples'][0].ori_shape[:2] == (50, 100)
    shown = network_picture(batch['inputs'][0])
    assert np.array_equal(shown[10, 10], [0, 0, 255])  # RGB


def test_a_picture_too_thin_for_the_pipeline_is_named(repo_dir: Path, tmp_path: Path) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/det/mask_rcnn_esf_demo.py')
    init_default_scope(cfg.default_scope)
    cv2.imwrite(str(tmp_path / 'line.png'), np.zeros((1, 3000, 3), np.uint8))
    with pytest.raises(UserError, match=r'line.png has 3000 x 1 pixels, which .* in resize'):
        InferencePipeline(cfg)(tmp_path / 'line.png')


def test_the_pipeline_of_a_wrapped_data_set_is_found(repo_dir: Path, blue: Path) -> None:
    cfg = Config.fromfile(repo_dir / 'configs/seg/upernet_esf_demo.py')
    init_default_scope(cfg.default_scope)
    cfg.test_dataloader.dataset = dict(type='RepeatDataset', dataset=cfg.test_dataloader.dataset)
    assert InferencePipeline(cfg)(blue)['inputs'][0].shape == (3, 64, 128)
    cfg.pop('test_dataloader')
    cfg.pop('test_pipeline')
    with pytest.raises(OptionError, match='test_pipeline'):
        InferencePipeline(cfg)


def test_pictures_in_memory_are_rgb_for_the_network(repo_dir: Path, blue: Path) -> None:
    """As CIFAR10 has them: its pipeline reads no file."""
    cfg = Config.fromfile(repo_dir / 'configs/cls/esf_tiny_flowers5.py')
    init_default_scope(cfg.default_scope)
    dataset = cfg.test_dataloader.dataset
    assert dataset.pipeline[0]['type'] == 'LoadImageFromFile'
    cfg.test_dataloader.dataset = dict(type='CIFAR10', pipeline=dataset.pipeline[1:])
    pipeline = InferencePipeline(cfg)
    (inputs,) = pipeline(blue)['inputs']
    assert inputs.shape == (3, 128, 128) and inputs[:, 10, 10].tolist() == [0, 0, 255]
    assert np.array_equal(network_picture(inputs, pipeline.rgb)[10, 10], [0, 0, 255])


def test_floats_are_shown_as_bytes() -> None:
    values = torch.tensor([-5.0, 100.7, 300.0]).view(3, 1, 1)
    assert network_picture(values).tolist() == [[[255, 100, 0]]]


def test_a_picture_is_read_as_rgb(blue: Path) -> None:
    assert np.array_equal(read_picture(blue)[0, 0], [0, 0, 255])
    for content in ('no picture', ''):
        blue.write_text(content)
        with pytest.raises(UserError, match='blue.png cannot be read'):
            read_picture(blue)


def test_a_picture_is_shown_as_the_pipeline_reads_it(repo_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / 'turned.jpg'
    path.write_bytes(tagged('.jpg', 6))  # of 60 x 40 stored pixels
    cfg = Config.fromfile(repo_dir / 'configs/seg/upernet_esf_demo.py')
    init_default_scope(cfg.default_scope)
    for colour, shape in (('color', (60, 40)), ('color_ignore_orientation', (40, 60))):
        cfg.test_dataloader.dataset.pipeline[0].color_type = colour
        pipeline = InferencePipeline(cfg)
        assert read_picture(path, pipeline.load).shape == (*shape, 3)
        assert pipeline(path)['data_samples'][0].ori_shape == shape
    assert read_picture(path).shape == (60, 40, 3)


@pytest.mark.parametrize('channels', [1, 2, 3, 4, 13])
def test_any_channels_can_be_shown(channels: int) -> None:
    values = np.arange(channels, dtype=np.uint8) + 1
    picture = np.broadcast_to(values, (4, 5, channels))
    shown = displayable(picture)
    assert shown.shape == (4, 5, 3) and shown.dtype == np.uint8
    expected = {1: [1, 1, 1], 2: [1, 2, 0]}.get(channels, [1, 2, 3])
    assert shown[0, 0].tolist() == expected
    assert np.array_equal(displayable(picture.astype(np.float32)), shown)
    deep = displayable(picture.astype(np.uint16) * 5000)
    assert deep.max() >= 254 and deep.argmax(-1)[0, 0] == shown.argmax(-1)[0, 0]


def test_pictures_of_a_folder(tmp_path: Path) -> None:
    names = ['a.jpg', 'a.png', 'notes.txt', 'sub/b.JPG']
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files = picture_files(tmp_path)
    assert [str(file.relative_to(tmp_path)) for file in files] == ['a.jpg', 'a.png', 'sub/b.JPG']
    out = Path('out')
    shown = output_files(files, tmp_path, out)
    assert shown == [out / 'a.jpg.png', out / 'a.png.png', out / 'sub' / 'b.png']
    assert output_files(files[:1], files[0], out) == [out / 'a.png']


def test_a_picture_is_never_overwritten(tmp_path: Path) -> None:
    for name in ('photo.png', 'photo.jpg', 'sub/other.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    photo, link = tmp_path / 'photo.png', tmp_path / 'link'
    link.symlink_to(tmp_path)
    for out in (tmp_path, link, tmp_path / 'sub' / '..'):
        with pytest.raises(OptionError, match=r'overwrite the picture .*photo\.png'):
            output_files([photo], photo, out)
    with pytest.raises(OptionError, match=r'other\.png'):
        output_files(picture_files(tmp_path), tmp_path, tmp_path)
    assert output_files([tmp_path / 'photo.jpg'], tmp_path / 'photo.jpg', tmp_path) == [photo]


def test_a_png_of_another_picture_stays(tmp_path: Path) -> None:
    target, mine, others = tmp_path / 'out.png', tmp_path / 'a/0.png', tmp_path / 'ä€/0.png'
    assert free_target(target, mine) == target
    Figure().savefig(target, metadata=made_of(others))
    assert free_target(target, others) == target
    second = tmp_path / 'out-2.png'
    assert free_target(target, mine) == second
    Figure().savefig(second, metadata=made_of(mine))
    assert free_target(target, mine) == second
    target.write_text('of somebody else')
    assert free_target(target, others) == tmp_path / 'out-3.png'


def test_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match='found none'):
        picture_files(tmp_path)
    with pytest.raises(OptionError, match='does not exist'):
        picture_files(tmp_path / 'none')

"""What the runtime does to a picture is what the test pipeline of a config does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import MODELS, init_default_scope
from PIL import Image

import mmsfa.det  # noqa: F401  registers a data preprocessor
from mmsfa.errors import OptionError
from mmsfa.export.whole.picture_settings import picture_settings
from mmsfa.runtime.picture import prepare, read_picture

CONFIGS = [
    'det/mask_rcnn_esf_nuclei.py',
    'det/mask_rcnn_esf.py',
    'seg/upernet_esf_dubai.py',
    'seg/upernet_esf.py',
    'cls/esf_tiny_flowers5.py',
    'cls/esf_10m_8xb256_in1k.py',
]


def read(repo_dir: Path, name: str, **preprocessor: Any) -> tuple[Config, SimpleNamespace]:
    """A config, and as much of its model as is needed here."""
    cfg = Config.fromfile(repo_dir / 'configs' / name)
    init_default_scope(cfg.default_scope)
    own = dict(cfg.model.get('data_preprocessor') or cfg.data_preprocessor)
    own.setdefault('type', 'ClsDataPreprocessor')
    return cfg, SimpleNamespace(data_preprocessor=MODELS.build(own | preprocessor))


@pytest.mark.parametrize('name', CONFIGS)
def test_equal_to_the_pipeline(repo_dir: Path, name: str, tmp_path: Path) -> None:
    cfg, model = read(repo_dir, name)
    picture = np.random.default_rng(0).integers(0, 256, (120, 190, 3), dtype=np.uint8)
    path = tmp_path / 'a.png'
    Image.fromarray(picture).save(path)
    pipeline = [t for t in cfg.test_dataloader.dataset.pipeline if t.type != 'LoadAnnotations']
    sample = Compose(pipeline)(dict(img_path=str(path), img_id=0))
    want = model.data_preprocessor(pseudo_collate([sample]), False)
    found = prepare(read_picture(path), picture_settings(cfg, model))
    np.testing.assert_allclose(found.image, want['inputs'].numpy(), rtol=1e-6, atol=1e-6)
    meta = want['data_samples'][0].metainfo
    assert (found.size, found.original_size) == (meta['img_shape'], meta['ori_shape'])
    assert found.scale == pytest.approx(meta.get('scale_factor', found.scale))


@pytest.mark.parametrize(
    ('place', 'transform', 'message'),
    [
        (1, dict(type='Pad', size_divisor=32), 'has a Pad, which the runtime does not know'),
        (1, dict(type='Resize', scale=9, interpolation='area'), r"interpolation .* \['bilinear'\]"),
        (1, dict(type='CenterCrop', crop_size=9, auto_pad=True), 'CenterCrop.auto_pad .* False'),
        (
            0,
            dict(type='LoadImageFromFile', color_type='unchanged'),
            "color_type .* must be 'color'",
        ),
        (0, dict(type='LoadEventFrames', T=4), 'has a LoadEventFrames'),
    ],
)
def test_what_the_runtime_does_not_know(
    repo_dir: Path, place: int, transform: dict, message: str
) -> None:
    cfg, model = read(repo_dir, 'det/mask_rcnn_esf_demo.py')
    cfg.test_dataloader.dataset.pipeline[place] = transform
    with pytest.raises(OptionError, match=message):
        picture_settings(cfg, model)


def test_other_channels_and_preprocessors(repo_dir: Path) -> None:
    cfg, model = read(
        repo_dir, 'det/mask_rcnn_esf_demo.py', type='AnyChannelsDetDataPreprocessor',
        mean=[0.0] * 4, std=[1.0] * 4, bgr_to_rgb=False,
    )  # fmt: skip
    with pytest.raises(OptionError, match='3 channels, and the mean .* has 4'):
        picture_settings(cfg, model)
    with pytest.raises(OptionError, match='one of the data preprocessors .* got SimpleNamespace'):
        picture_settings(cfg, SimpleNamespace(data_preprocessor=SimpleNamespace()))
    cfg.pop('test_dataloader')
    with pytest.raises(OptionError, match=r'needs test_dataloader\.dataset\.pipeline'):
        picture_settings(cfg, model)


def test_pipelines_inside_of_wrapped_data(repo_dir: Path) -> None:
    cfg, model = read(repo_dir, 'det/mask_rcnn_esf_demo.py')
    expected = picture_settings(cfg, model)
    cfg.test_dataloader.dataset = dict(type='RepeatDataset', dataset=cfg.test_dataloader.dataset)
    assert picture_settings(cfg, model) == expected

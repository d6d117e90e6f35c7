"""One picture seen by a whole model: what is shown of it, and where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from torch import nn

from mmsfa.apis.trained_model import build_model
from mmsfa.visualization.spiking_view import Viewer
from tests.helpers.demo_configs import CLASSES, CLS, DET, SEG

Fill = Callable[[nn.Module], nn.Module]


@pytest.fixture
def viewer(repo_dir: Path, lively_weights: Fill) -> Callable[..., Viewer]:
    def build(config: str, **preprocessor: int) -> Viewer:
        cfg = Config.fromfile(repo_dir / config)
        (cfg if config == CLS else cfg.model).data_preprocessor.update(preprocessor)
        model = lively_weights(build_model(cfg))
        model.dataset_meta = dict(classes=CLASSES[config])
        return Viewer(cfg, model)

    return build


@pytest.mark.slow
@pytest.mark.parametrize(
    ('config', 'padding', 'size'),
    [
        (DET, dict(pad_size_divisor=96), (90, 150)),
        (SEG, dict(test_cfg=dict(size_divisor=96)), (90, 150)),
        (CLS, dict(pad_size_divisor=96), (128, 128)),  # the crop that the network sees
    ],
)
def test_padding_does_not_move_the_map(
    viewer: Callable[..., Viewer], tmp_path: Path, config: str, padding: dict, size: tuple[int, int]
) -> None:
    """The padded network fires in the same places of the picture, but at the edge to the padding.

    A map that is blown up with its padding would be moved by up to a third of the picture.
    """
    stripe = np.zeros((90, 150, 3), np.uint8)
    stripe[:, 80:100] = np.random.default_rng(0).integers(0, 256, (90, 20, 3))
    cv2.imwrite(str(tmp_path / 'stripe.png'), stripe)
    view = viewer(config, **padding).look(tmp_path / 'stripe.png')
    assert view.rates.shape == view.picture.shape[:2] == size
    assert list(view.stages) == [f'stages.{i}' for i in range(5)]
    first = view.stages['stages.0']  # its neurons see few pixels
    brightness = view.picture.sum(-1).mean(0)
    expected = np.average(np.arange(size[1]), weights=brightness)
    background = np.median(first[:, : size[1] // 4], axis=1, keepdims=True)
    difference = np.abs(first - background).mean(0)
    difference[-size[1] // 8 :] = difference[: size[1] // 8] = 0  # edges
    found = np.average(np.arange(size[1]), weights=difference)
    assert abs(found - expected) < size[1] / 25


def test_a_model_of_pictures_in_memory(
    repo_dir: Path, lively_weights: Fill, tmp_path: Path
) -> None:
    picture = np.zeros((90, 150, 3), np.uint8)
    picture[..., 2] = np.random.default_rng(0).integers(150, 256, (90, 150))
    cv2.imwrite(str(tmp_path / 'red.png'), picture)
    cfg = Config.fromfile(repo_dir / CLS)
    steps = cfg.test_dataloader.dataset.pipeline[1:]
    cfg.test_dataloader.dataset = dict(type='CIFAR10', data_root='none', pipeline=steps)
    model = lively_weights(build_model(cfg))
    model.dataset_meta = dict(classes=CLASSES[CLS])
    view = Viewer(cfg, model).look(tmp_path / 'red.png')
    assert view.picture.shape == (128, 128, 3) and view.picture[64, 64].argmax() == 0

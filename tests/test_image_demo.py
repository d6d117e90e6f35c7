"""demo/image_demo.py as a user runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmsfa.apis.trained_model import build_model
from tests.helpers.demo_configs import CLASSES, CLS, DET, SEG

DEMO = 'demo/image_demo.py'
Fill = Callable[[nn.Module], nn.Module]


@pytest.fixture
def checkpoint(repo_dir: Path, tmp_path: Path, lively_weights: Fill) -> Callable[[str], Path]:
    """A function that gives a checkpoint of a config."""

    def save(config: str) -> Path:
        model = lively_weights(build_model(Config.fromfile(repo_dir / config)))
        path = tmp_path / 'weights.pth'
        meta = dict(dataset_meta=dict(classes=CLASSES[config]))
        torch.save(dict(meta=meta, state_dict=model.state_dict()), path)
        return path

    return save


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with a red and a blue picture that no two libraries resize alike."""
    folder = tmp_path / 'pictures'
    (folder / 'sub').mkdir(parents=True)
    draw = np.random.default_rng(0)
    for name, channel in (('red.png', 2), ('sub/blue.png', 0)):
        picture = np.zeros((90, 150, 3), np.uint8)
        picture[..., channel] = draw.integers(150, 256, (90, 150))
        cv2.imwrite(str(folder / name), picture)
    return folder


@pytest.mark.parametrize('config', [DET, SEG, CLS])
def test_prediction_and_firing_map_side_by_side(
    call_tool: Callable[..., str],
    checkpoint: Callable[[str], Path],
    pictures: Path,
    tmp_path: Path,
    config: str,
) -> None:
    out = tmp_path / 'out'
    printed = call_tool(
        DEMO, pictures, config, checkpoint(config), '--out', out, '--device', 'cpu',
        '--score-thr', 1.0,
    )  # fmt: skip
    assert '2 picture(s)' in printed
    shown = {str(file.relative_to(out)) for file in out.rglob('*.*')}
    assert shown == {'red.png', 'sub/blue.png'}
    for name, channel in (('red.png', 2), ('sub/blue.png', 0)):
        png = cv2.imread(str(out / name)).astype(int)
        if config != SEG:  # whose colours cover the picture
            left = png[png.shape[0] // 2, png.shape[1] // 4]
            assert left.argmax() == channel and left[channel] > 140
        right = png[:, png.shape[1] // 2 : -png.shape[1] // 8]
        coloured = right.max(-1) - right.min(-1) > 30
        assert coloured.mean() > 0.5  # a heat map, not a grey picture


def test_what_the_user_can_mend_is_one_sentence(
    call_tool: Callable[..., str],
    checkpoint: Callable[[str], Path],
    pictures: Path,
    tmp_path: Path,
) -> None:
    broken = pictures / 'broken.jpg'
    broken.write_text('no picture')
    weights = checkpoint(DET)
    empty = pictures / 'empty.jpg'
    empty.touch()
    cases = [
        (tmp_path / 'none.jpg', 'does not exist'),
        (broken, 'broken.jpg cannot be read as a picture'),
        (empty, 'empty.jpg cannot be read as a picture'),
    ]
    for picture, expected in cases:
        with pytest.raises(SystemExit, match=expected):
            call_tool(DEMO, picture, DET, weights, '--out', tmp_path / 'out', '--device', 'cpu')


def test_the_pictures_are_not_overwritten(
    call_tool: Callable[..., str], checkpoint: Callable[[str], Path], pictures: Path
) -> None:
    red = pictures / 'red.png'
    before = red.read_bytes()
    with pytest.raises(SystemExit, match='would overwrite the picture'):
        call_tool(DEMO, red, DET, checkpoint(DET), '--out', pictures, '--device', 'cpu')
    assert red.read_bytes() == before

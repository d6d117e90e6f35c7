"""tools/analysis_tools/spiking_report.py, and its page in a real browser."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmsfa.engine.trained_model import build_model

TOOL = 'tools/analysis_tools/spiking_report.py'
DET = 'configs/det/mask_rcnn_esf_demo.py'
IMAGE = re.compile(r'<img src="data:image/png;base64,([^"]*)" width="(\d+)"')
PAGE_HEIGHT = 4500  # more than any page here
CONTENT = 1090  # widest picture in a window of 1280 pixels


@pytest.fixture(scope='module')
def checkpoint(
    repo_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
    lively_weights: Callable[[nn.Module], nn.Module],
) -> Path:
    model = lively_weights(build_model(Config.fromfile(repo_dir / DET)))
    path = tmp_path_factory.mktemp('checkpoint') / 'weights.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


@pytest.fixture(scope='module')
def browser() -> str:
    names = ('chromium', 'chromium-browser', 'google-chrome')
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f'no browser: install one of {", ".join(names)}')
    return found


def screenshot(browser: str, page: Path) -> np.ndarray:
    picture = page.with_suffix('.png')
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [
                browser, '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run',
                '--disable-background-networking', '--disable-component-update', '--disable-sync',
                '--hide-scrollbars', '--force-device-scale-factor=1',
                f'--user-data-dir={profile}', f'--window-size=1280,{PAGE_HEIGHT}',
                f'--screenshot={picture}', page.resolve().as_uri(),
            ],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert picture.is_file(), done.stderr
    return cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)


def places(page: str, shot: np.ndarray) -> list[tuple[float, int]]:
    """How well the screenshot shows each picture of the page (1 is perfect), and at which row."""
    found = []
    for data, width in IMAGE.findall(page):
        picture = cv2.imdecode(
            np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_GRAYSCALE
        )
        width = min(int(width), CONTENT)
        size = width, round(width * picture.shape[0] / picture.shape[1])
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        scores = cv2.matchTemplate(shot, picture, cv2.TM_CCOEFF_NORMED)
        _, best, _, (_, top) = cv2.minMaxLoc(scores)
        found.append((best, top))
    return found


def test_report_of_a_model(
    call_tool: Callable[..., str], shapes_dir: Path, checkpoint: Path, tmp_path: Path, browser: str
) -> None:
    printed = call_tool(
        TOOL, DET, checkpoint, '--num', 1, '--out', tmp_path, '--device', 'cpu',
        '--cfg-options', f'data_root={shapes_dir}',
    )  # fmt: skip
    report = json.loads((tmp_path / 'report.json').read_text())
    whole = report['totals'][-1]
    assert report['data']['pictures'] == 1 and report['settings']['mac_pj'] == 4.6
    assert '…' not in printed and 'roi_head.mask_head.conv_logits.neuron' in printed
    assert f'{whole["energy_mj"]:#.3g} mJ' in printed

    page = (tmp_path / 'report.html').read_text()
    assert not re.search(r'https?:|<script|<link', page)
    assert len(page) < 1.5e6
    found = places(page, screenshot(browser, tmp_path / 'report.html'))
    tops = [top for _, top in found]
    assert len(found) == 5 and tops == sorted(set(tops))
    assert min(score for score, _ in found) > 0.9

    without = tmp_path / 'without.html'
    without.write_text(re.sub(r'src="data:[^"]*"', 'src=""', page))
    found = places(page, screenshot(browser, without))
    assert max(score for score, _ in found) < 0.6


def test_two_models_side_by_side(
    call_tool: Callable[..., str], shapes_dir: Path, checkpoint: Path, tmp_path: Path
) -> None:
    printed = call_tool(
        TOOL, DET, checkpoint, '--compare', DET, checkpoint, '--num', 1, '--out', tmp_path,
        '--device', 'cpu', '--ac-pj', 2.0, '--mac-pj', 4.0, '--cfg-options',
        f'data_root={shapes_dir}',
    )  # fmt: skip
    report = json.loads((tmp_path / 'report.json').read_text())
    first, second = report['totals'], report['compare']['totals']
    assert first == second
    for one in report['operations']:
        assert one['ann_energy_mj'] == pytest.approx(4e-9 * one['macs'])
        spiking = 2e-9 * one['acs'] if one['input'] == 'spikes' else 4e-9 * one['macs']
        assert one['energy_mj'] == pytest.approx(spiking)
    page = (tmp_path / 'report.html').read_text()
    assert len(IMAGE.findall(page)) == 9
    for text in ('1: mask_rcnn_esf_demo', '2: mask_rcnn_esf_demo'):
        assert text in page and text in printed


def test_no_pictures_to_measure(
    call_tool: Callable[..., str], checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match='--num must be at least 1'):
        call_tool(TOOL, DET, checkpoint, '--num', 0, '--out', tmp_path / 'out', '--device', 'cpu')
    assert not (tmp_path / 'out').exists()

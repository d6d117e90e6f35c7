"""tools/analysis_tools/spiking_report.py, and its page in a real browser."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from traceback import extract_stack

import cv2
import numpy as np
import pytest
import torch
from mmdet.datasets import CocoDataset
from mmengine.config import Config
from torch import nn

from mmsfa.apis.trained_model import build_model
from mmsfa.config.ann_twin import to_ann_twin
from mmsfa.visualization import spiking_view

TOOL = 'tools/analysis_tools/spiking_report.py'
DET = 'configs/det/mask_rcnn_esf_demo.py'
SMALL = 'model.backbone.arch.depths=[1,0,0,1,0]'
IMAGE = re.compile(r'<img src="data:image/png;base64,([^"]*)" width="(\d+)"')
PAGE_HEIGHT = 4500  # more than any page here
CONTENT = 1090  # widest picture in a window of 1280 pixels


@pytest.fixture(scope='module')
def checkpoint(
    repo_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
    lively_weights: Callable[[nn.Module], nn.Module],
) -> Path:
    cfg = Config.fromfile(repo_dir / DET)
    cfg.model.backbone.arch.depths = (1, 0, 0, 1, 0)
    model = lively_weights(build_model(cfg))
    path = tmp_path_factory.mktemp('checkpoint') / 'weights.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


def find_browser() -> str:
    names = ('chromium', 'chromium-browser', 'google-chrome')
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        give_up = pytest.fail if os.environ.get('CI') == 'true' else pytest.skip
        give_up(f'no browser: install one of {", ".join(names)}')
    return found


@pytest.fixture(scope='module')
def browser() -> str:
    return find_browser()


def test_a_missing_browser_fails_where_it_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PATH', '')
    for value, outcome in (('true', pytest.fail.Exception), ('', pytest.skip.Exception)):
        monkeypatch.setenv('CI', value)
        with pytest.raises(outcome, match='no browser'):
            find_browser()


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
        '--cfg-options', f'data_root={shapes_dir}', SMALL,
    )  # fmt: skip
    report = json.loads((tmp_path / 'report.json').read_text())
    whole = report['totals'][-1]
    assert report['data']['pictures'] == 1 and report['settings']['mac_pj'] == 4.6
    assert '…' not in printed and 'roi_head.mask_head.upsample.neuron' in printed
    for name in report['analog']:
        remark = 'sees the picture' if name.startswith('backbone') else 'reads membrane potentials'
        assert re.search(rf'^ *{re.escape(name)} +{remark} *$', printed, re.MULTILINE)
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
        f'data_root={shapes_dir}', SMALL,
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


def test_the_ordinary_network_beside_the_spiking_one(
    call_tool: Callable[..., str],
    shapes_dir: Path,
    checkpoint: Path,
    tmp_path: Path,
    repo_dir: Path,
) -> None:
    cfg = Config.fromfile(repo_dir / DET)
    cfg.model.backbone.arch.depths = (1, 0, 0, 1, 0)
    to_ann_twin(cfg)
    cfg.dump(twin := tmp_path / 'twin.py')
    torch.save(dict(state_dict=build_model(cfg).state_dict()), weights := tmp_path / 'twin.pth')
    data = ('--num', 1, '--device', 'cpu', '--cfg-options', f'data_root={shapes_dir}', SMALL)
    out = tmp_path / 'two'
    printed = call_tool(TOOL, DET, checkpoint, '--compare', twin, weights, '--out', out, *data)
    report = json.loads((out / 'report.json').read_text())
    other = report['compare']
    assert report['neurons'] and other['neurons'] == []
    assert {one['input'] for one in other['operations']} == {'picture', 'analog'}
    whole = other['totals'][-1]
    assert whole['energy_mj'] == whole['ann_energy_mj'] > 0
    page = (out / 'report.html').read_text()
    assert len(IMAGE.findall(page)) == 5  # energy, and four of the spiking model
    assert page.count('Without an example picture') == 1 and 'has none' in page
    assert '2: twin' in printed

    alone = tmp_path / 'alone'
    call_tool(TOOL, twin, weights, '--out', alone, *data)
    assert len(IMAGE.findall((alone / 'report.html').read_text())) == 1


def test_pictures_in_memory_have_no_example(
    call_tool: Callable[..., str],
    shapes_dir: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = CocoDataset.get_data_info

    def in_memory(self: CocoDataset, index: int) -> dict:
        info = dict(real(self, index))
        if 'example' in {frame.name for frame in extract_stack()}:  # the pipeline has to read it
            info.pop('img_path')
        return info

    monkeypatch.setattr(CocoDataset, 'get_data_info', in_memory)
    call_tool(
        TOOL, DET, checkpoint, '--num', 1, '--out', tmp_path, '--device', 'cpu',
        '--cfg-options', f'data_root={shapes_dir}', SMALL,
    )  # fmt: skip
    page = (tmp_path / 'report.html').read_text()
    assert len(IMAGE.findall(page)) == 3 and 'are not files' in page
    assert json.loads((tmp_path / 'report.json').read_text())['neurons']


def test_figures_are_written_before_anything_is_drawn(
    call_tool: Callable[..., str],
    shapes_dir: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(spiking_view.Viewer, 'look', fail)
    with pytest.raises(SystemExit, match='too little memory'):
        call_tool(
            TOOL, DET, checkpoint, '--num', 1, '--out', tmp_path, '--device', 'cpu',
            '--cfg-options', f'data_root={shapes_dir}', SMALL,
        )  # fmt: skip
    assert json.loads((tmp_path / 'report.json').read_text())['data']['pictures'] == 1


def test_a_negative_energy_is_refused(
    call_tool: Callable[..., str], checkpoint: Path, tmp_path: Path
) -> None:
    for option in ('--ac-pj', '--mac-pj'):
        with pytest.raises(SystemExit, match='must be >= 0 pJ'):
            call_tool(TOOL, DET, checkpoint, option, '-1', '--out', tmp_path / 'out')


def test_no_pictures_to_measure(
    call_tool: Callable[..., str], checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match='--num must be at least 1'):
        call_tool(
            TOOL, DET, checkpoint, '--num', 0, '--out', tmp_path / 'out', '--cfg-options', SMALL
        )
    assert not (tmp_path / 'out').exists()

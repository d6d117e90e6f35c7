"""tools/deployment/export_onnx.py and the benchmark of backends, as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmsfa.apis.trained_model import build_model
from mmsfa.compat import importable
from mmsfa.runtime import Model

TOOL = 'tools/deployment/export_onnx.py'
CLS = 'configs/cls/esf_tiny_flowers5.py'
DET = 'configs/det/mask_rcnn_esf_demo.py'
SMALL = 'model.backbone.arch.depths=[1,0,0,1,0]'
FEW = ('model.test_cfg.rpn.max_per_img=20', 'model.test_cfg.rcnn.max_per_img=5')
CallTool = Callable[..., str]


@pytest.fixture(scope='module')
def checkpoint(
    repo_dir: Path, lively_weights: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Weights of a small demo detector."""
    cfg = Config.fromfile(repo_dir / DET)
    cfg.model.backbone.arch.depths = (1, 0, 0, 1, 0)
    path = tmp_path_factory.mktemp('checkpoint') / 'small.pth'
    torch.save(dict(state_dict=lively_weights(build_model(cfg)).state_dict()), path)
    return path


def rows(table: str) -> dict[str, list[str]]:
    """Cells of each row of a rich table, by the text in the first column."""
    cells = [[cell.strip() for cell in line.split('│')[1:-1]] for line in table.splitlines()]
    return {row[0]: row[1:] for row in cells if row}


def test_export_check_and_evaluation(
    call_tool: CallTool, checkpoint: Path, shapes_dir: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'model.onnx'
    said = call_tool(
        TOOL, DET, checkpoint, '--out', out, '--int8', '--num', 2, '--evaluate',
        '--cfg-options', f'data_root={shapes_dir}/', SMALL, *FEW,
    )  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ['model.onnx', 'model_int8.onnx']
    table = rows(said)
    pytorch, float_size, int8_size = map(float, table['size (MB)'])
    assert int8_size < 0.5 * pytorch < 0.6 * float_size
    largest = [float(cell) for cell in table['largest difference'][1:]]
    assert 0 < largest[0] < largest[1]
    assert 'instances' in table['agreeing predictions'][1]
    assert [0 <= float(cell) <= 1 for cell in table['coco/segm_mAP_50']] == [True] * 3
    assert 'in model_int8.onnx: model.backbone.downsample_layers.0.conv\n' in said
    assert 'without a contract' not in said


def test_a_whole_classifier(
    call_tool: CallTool, repo_dir: Path, lively_weights: Callable, tmp_path: Path
) -> None:
    cfg = Config.fromfile(repo_dir / CLS)
    cfg.model.backbone.arch = dict(channels=(16, 32, 32, 32), depths=(1, 0, 0, 1, 0))
    cfg.model.head.in_channels = 32
    cfg.dump(tmp_path / 'small.py')
    torch.save(dict(state_dict=lively_weights(build_model(cfg)).state_dict()), tmp_path / 'a.pth')
    data, names = tmp_path / 'flowers5', []
    (data / 'val/roses').mkdir(parents=True)
    (data / 'meta').mkdir()
    for i in range(3):
        picture = np.random.default_rng(i).integers(0, 256, (4, 5, 3), dtype=np.uint8)
        Image.fromarray(picture).resize((200, 160)).save(data / f'val/roses/{i}.png')
        names.append(f'roses/{i}.png {i}')
    (data / 'meta/val.txt').write_text('\n'.join(names))
    said = call_tool(
        TOOL, tmp_path / 'small.py', tmp_path / 'a.pth', '--out', tmp_path / 'flowers', '--int8',
        '--qdq', '--num', 2, '--evaluate',
        '--cfg-options', f'test_dataloader.dataset.data_root={data}',
    )  # fmt: skip
    table = rows(said)
    assert table['agreeing predictions'][1] == '2 of 2 pictures'
    pytorch, in_floats, *_ = map(float, table['accuracy/top1'])
    assert pytorch == in_floats
    assert 'largest difference' not in table and 'differing mask pixels' not in table
    times = table['seconds a picture']
    assert len(times) == 4 + bool(importable('openvino')) and float(times[-1].split()[0]) > 0
    assert times[0].endswith('(1.00x)')
    model = Model(tmp_path / 'flowers')
    assert model.classes == ['daisy', 'dandelion', 'roses', 'sunflowers', 'tulips']
    assert model(data / 'val/roses/0.png').scores.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ('out', 'option', 'message'),
    [
        ('model.pt', SMALL, r'--out must be a folder .* or end in \.onnx, got '),
        ('model.onnx', 'model.backbone.arch.depths=[2,0,0,1,0]', 'does not belong to this config'),
    ],
)
def test_wrong_options(
    call_tool: CallTool, checkpoint: Path, tmp_path: Path, out: str, option: str, message: str
) -> None:
    with pytest.raises(SystemExit, match=message):
        call_tool(TOOL, DET, checkpoint, '--out', tmp_path / out, '--cfg-options', option)
    assert not list(tmp_path.iterdir())


def test_benchmark_of_backends(call_tool: CallTool, tmp_path: Path) -> None:
    out = tmp_path / 'figures.json'
    said = call_tool(
        'tools/analysis_tools/benchmark.py', DET, '--backends', '--shape', 64, 96, '--repeats', 2,
        '--out', out, '--cfg-options', SMALL,
    )  # fmt: skip
    assert 'int8 ONNX' in said and 'training step' not in said and '(1.00x)' in said
    figures = json.loads(out.read_text())['figures']
    assert list(figures) == ['forward (s)']
    names = ['eager PyTorch', 'float ONNX', 'int8 ONNX', 'qdq ONNX']
    names += ['qdq OpenVINO'] * bool(importable('openvino'))
    assert {name: len(values) for name, values in figures['forward (s)'].items()} == dict.fromkeys(
        names, 2
    )


def test_benchmark_of_backends_is_for_float32(
    call_tool: CallTool, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        call_tool('tools/analysis_tools/benchmark.py', DET, '--backends', '--dtype', 'bfloat16')
    assert '--backends compares float32' in capsys.readouterr().err

"""tools/analysis_tools/benchmark_hooks.py as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmsfa.apis.trained_model import build_model
from mmsfa.checkpoint.loading import safe_checkpoint

TOOL = 'tools/analysis_tools/benchmark_hooks.py'
DET = 'configs/det/mask_rcnn_esf_demo.py'
Tool = Callable[..., str]


@pytest.fixture(scope='module')
def checkpoint(repo_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = build_model(Config.fromfile(repo_dir / DET))
    path = tmp_path_factory.mktemp('checkpoint') / 'weights.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


def test_validations_with_and_without_take_turns(
    call_tool: Tool, checkpoint: Path, shapes_dir: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'new' / 'hooks.json'
    printed = call_tool(
        TOOL, DET, checkpoint, '--repeats', 1, '--out', out,
        '--cfg-options', f'data_root={shapes_dir}',
    )  # fmt: skip
    found = json.loads(out.read_text())
    ((one, other),) = found['rounds']  # the round that warms up does not count
    assert found['hook'] == 'FiringRateHook'
    assert min(one, other) > 0 and found['ratio'] == pytest.approx(one / other)
    assert 'FiringRateHook' in printed and f'{found["ratio"]:.3f}' in printed


def test_an_unknown_hook_is_refused_with_those_there_are(
    call_tool: Tool, checkpoint: Path, shapes_dir: Path
) -> None:
    with pytest.raises(SystemExit, match=r"FiringRateHook, .*LoggerHook.*; got 'NoHook'"):
        call_tool(
            TOOL, DET, checkpoint, '--hook', 'NoHook', '--cfg-options', f'data_root={shapes_dir}'
        )


def test_no_round_is_refused(
    call_tool: Tool, checkpoint: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit, match='2'):
        call_tool(TOOL, DET, checkpoint, '--repeats', 0)
    assert '--repeats must be at least 1 round, got 0' in capsys.readouterr().err


@pytest.mark.parametrize('trusted', [False, True])
def test_code_is_run_only_on_request(
    call_tool: Tool,
    checkpoint: Path,
    shapes_dir: Path,
    tmp_path: Path,
    runs_code: object,
    marker: Path,
    monkeypatch: pytest.MonkeyPatch,
    trusted: bool,
) -> None:
    monkeypatch.setattr(safe_checkpoint, '_trusted', False)  # and again after this test
    data = ('--repeats', 1, '--cfg-options', f'data_root={shapes_dir}')
    state_dict = torch.load(checkpoint, weights_only=True)['state_dict']
    evil = tmp_path / 'evil.pth'
    torch.save(dict(state_dict=state_dict, extra=runs_code), evil)
    if trusted:
        call_tool(TOOL, DET, evil, '--trust-checkpoint', *data)
    else:
        with pytest.raises(SystemExit, match='--trust-checkpoint'):
            call_tool(TOOL, DET, evil, *data)
    assert marker.exists() == trusted

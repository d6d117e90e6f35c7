"""tools/analysis_tools/benchmark_training_hooks.py as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

TOOL = 'tools/analysis_tools/benchmark_training_hooks.py'
DET = 'configs/det/mask_rcnn_esf_demo.py'
Tool = Callable[..., str]


def options(shapes_dir: Path, epochs: int) -> tuple[str, ...]:
    return (
        '--cfg-options', f'data_root={shapes_dir}', 'train_dataloader.batch_size=2',
        f'train_cfg.max_epochs={epochs}',
    )  # fmt: skip


def test_the_parts_of_a_step_add_up(call_tool: Tool, shapes_dir: Path, tmp_path: Path) -> None:
    """Four steps make an epoch, so those that count lie around the end of one."""
    out = tmp_path / 'new' / 'costs.json'
    printed = call_tool(TOOL, DET, '--steps', 4, '--out', out, *options(shapes_dir, 3))
    found = json.loads(out.read_text())
    parts = found['parts']
    assert 'ResumableDataLoader' in parts and 'NumericsHook' in parts and 'samples' not in parts
    assert all(spent >= 0 for spent in parts.values())
    assert 0 < sum(parts.values()) < found['step']  # the model itself is left
    assert ', 4 steps' in ' '.join(printed.split()) and f'{found["step"]:.1f}' in printed
    for name, spent in parts.items():
        line = [line for line in printed.splitlines() if f' {name} ' in line][-1]
        assert f'{spent:.3f}' in line and f'{spent / found["step"]:.2%}' in line


def test_a_training_without_a_step_that_counts_is_refused(
    call_tool: Tool, shapes_dir: Path
) -> None:
    with pytest.raises(SystemExit, match='trains no more than the 5 steps that do not count'):
        call_tool(TOOL, DET, '--steps', 3, *options(shapes_dir, 1))


def test_no_step_is_refused(call_tool: Tool, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit, match='2'):
        call_tool(TOOL, DET, '--steps', 0)
    assert '--steps must be at least 1 step, got 0' in capsys.readouterr().err

"""tools/analysis_tools/benchmark_memory.py as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

TOOL = 'tools/analysis_tools/benchmark_memory.py'
DET = 'configs/det/mask_rcnn_esf_demo.py'
Run = Callable[..., CompletedProcess]


def test_a_whole_detector_on_its_data(run_tool: Run, shapes_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / 'memory.json'
    done = run_tool(
        TOOL, DET, '--whole', '--batch-size', 2, '--repeats', 1, '--out', out,
        '--cfg-options', f'data_root={shapes_dir}',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kept = json.loads(out.read_text())['figures']['kept for backward (MB)']
    assert list(kept) == ['relu', 'spiking', 'bytes', 'checkpointing']
    assert kept['bytes'][0] < 0.8 * kept['relu'][0]
    assert 'whole model, batch 2' in done.stdout


def test_what_fits_into_a_budget(run_tool: Run, tmp_path: Path) -> None:
    out = tmp_path / 'memory.json'
    done = run_tool(
        TOOL, DET, '--shape', 64, 64, '--repeats', 1, '--variants', 'spiking', '--budgets', 8, 16,
        '--out', out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    _, small, large = json.loads(out.read_text())['fits']['spiking']
    batches = [int(cell.split(', ')[1]) for cell in (small, large)]
    assert 0 < batches[0] < batches[1]


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['--whole', '--shape', 64, 64], 'leave --shape out'),
        (['--whole', '--budgets', 8], 'leave --whole out'),
        (['--repeats', 0], 'at least 1'),
    ],
)
def test_options_that_do_not_go_together(run_tool: Run, options: list, said: str) -> None:
    done = run_tool(TOOL, DET, *options)
    assert done.returncode == 2 and said in done.stderr

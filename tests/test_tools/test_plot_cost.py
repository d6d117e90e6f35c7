"""tools/analysis_tools/plot_cost.py as a user runs it."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import pytest

TOOL = 'tools/analysis_tools/plot_cost.py'
DET = 'configs/det/mask_rcnn_esf_demo.py'
Run = Callable[..., CompletedProcess]


def test_a_line_for_each_variant(run_tool: Run, tmp_path: Path) -> None:
    out, figures = tmp_path / 'cost.png', tmp_path / 'cost.json'
    done = run_tool(
        TOOL, DET, '--sizes', 64, 128, '--repeats', 1, '--variants', 'spiking', 'relu',
        '--out', out, '--json', figures,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = json.loads(figures.read_text())
    assert written['sizes'] == [64, 128] and list(written['seconds']) == ['spiking', 'relu']
    assert min(min(values) for values in written['seconds'].values()) > 0
    assert cv2.imread(str(out)).shape[1] > 1000
    refused = run_tool(TOOL, DET, '--sizes', 64)
    assert refused.returncode == 2 and 'at least two sides' in refused.stderr


def test_the_slope_is_the_power_of_the_pixels(repo_dir: Path) -> None:
    slope_of = runpy.run_path(str(repo_dir / TOOL))['slope_of']
    sizes = [64, 128, 256]
    assert slope_of(sizes, [3.0 * side**2 for side in sizes]) == pytest.approx(1)
    assert slope_of(sizes, [0.1 * side**4 for side in sizes]) == pytest.approx(2)

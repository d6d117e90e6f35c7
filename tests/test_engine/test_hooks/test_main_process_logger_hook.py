"""Who writes the metrics of a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.spiking_runs import Net, runner


@pytest.mark.parametrize('is_main', [True, False])
def test_one_process_writes_the_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_main: bool
) -> None:
    where = 'mmsfa.engine.hooks.main_process_logger_hook.is_main_process'
    monkeypatch.setattr(where, lambda: is_main)
    run = runner(tmp_path / 'run', Net(), logger='MainProcessLoggerHook')
    run.test()
    assert len(list((tmp_path / 'run').glob('*/*.json'))) == is_main

"""What ended a run is kept in its log file."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.logging import MMLogger

from mmsfa.cli.failures import to_log_file
from tests.helpers.failures import shown


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    path = tmp_path / 'run.log'
    MMLogger.get_instance('failures', log_file=str(path))
    return path


def fail() -> None:
    raise ValueError('the reason')


def test_the_traceback_is_kept_in_the_log_file(log_file: Path, capsys) -> None:
    text = shown(fail)
    assert text.startswith('\nError: ValueError: the reason\n  at ')
    assert text.endswith(f'The whole traceback is in {log_file}.')
    kept = log_file.read_text()
    assert 'Traceback (most recent call last)' in kept and 'ValueError: the reason' in kept
    printed = capsys.readouterr()
    assert 'Traceback' not in printed.out + printed.err


def test_a_full_disk_under_the_log_adds_no_noise(monkeypatch, capsys) -> None:
    MMLogger.get_instance('failures_full', log_file='/dev/full')
    shown(fail)
    assert 'Traceback' not in capsys.readouterr().err


def test_the_screen_sees_nothing_of_it(log_file: Path, capsys: pytest.CaptureFixture) -> None:
    assert to_log_file('line 1\nline 2') == str(log_file)
    assert 'ERROR' in log_file.read_text() and log_file.read_text().endswith('line 1\nline 2\n')
    printed = capsys.readouterr()
    assert 'line 1' not in printed.out + printed.err


def test_without_a_run_no_logger_is_made() -> None:
    assert to_log_file('anything') is None
    assert not MMLogger._instance_dict
    MMLogger.get_instance('failures_on_screen_only')
    assert to_log_file('anything') is None

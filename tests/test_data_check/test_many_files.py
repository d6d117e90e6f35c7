"""Many files at once, in threads and in processes that may die."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from mmsfa.data_check import many_files
from mmsfa.data_check.many_files import (
    FILES_A_TASK,
    KILLED,
    check_files,
    run_parallel,
    show_progress,
)
from tests.helpers.encoded_pictures import PNG


def die_at_50(number: int) -> str | None:
    if number == 50:
        os.kill(os.getpid(), signal.SIGKILL)
    return 'odd' if number % 2 else None


@pytest.mark.slow
def test_a_decoder_that_kills_its_process_is_blamed() -> None:
    results = dict(run_parallel(die_at_50, range(100), 2, KILLED))
    wanted = {number: 'odd' if number % 2 else None for number in range(100)}
    assert results == {**wanted, 50: KILLED}


def test_one_process_keeps_the_order() -> None:
    results = list(run_parallel(str, [3, 1, 2], 0, ''))
    assert results == [(3, '3'), (1, '1'), (2, '2')]


def test_every_file_is_looked_at_in_order(tmp_path: Path) -> None:
    files = [str(tmp_path / f'{number}.png') for number in range(2 * FILES_A_TASK + 1)]
    for path in files:
        Path(path).write_bytes(PNG)
    assert check_files(files) == check_files([]) == []
    faulty = [files[index] for index in (0, FILES_A_TASK - 1, FILES_A_TASK, -1)]
    for path in faulty:
        Path(path).write_bytes(b'')
    assert check_files(files) == [(path, 'empty (0 bytes)') for path in faulty]


def test_a_bar_changes_nothing_that_it_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert list(show_progress(range(9), 9, 'Counting')) == list(range(9))
    assert capsys.readouterr().out == ''  # short work leaves no trace
    monkeypatch.setattr(many_files, 'SHORT_WORK', -1.0)
    assert list(show_progress(range(9), 9, 'Counting')) == list(range(9))
    assert capsys.readouterr().out.isspace()  # what is left of a bar outside of a terminal

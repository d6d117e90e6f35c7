"""Two runs in one work dir do not share files."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mmengine.config import Config

from mmsfa.cli import run_folder
from mmsfa.cli.run_folder import (
    START,
    TRAINING,
    WorkDirInUseError,
    claim_work_dir,
    folder_of_its_own,
)

HOLD = """
import fcntl, sys
file = open(sys.argv[1], 'a+')
fcntl.lockf(file, fcntl.LOCK_EX)
file.write('process 7 on there')
file.flush()
print('locked', flush=True)
sys.stdin.read()
"""


@contextmanager
def locked_by_another_process(path: Path) -> Iterator[subprocess.Popen]:
    path.parent.mkdir(exist_ok=True)
    command = [sys.executable, '-S', '-c', HOLD, str(path)]
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with subprocess.Popen(command, **pipes) as other:
        assert other.stdout.readline() == 'locked\n'
        yield other
        other.kill()


def config(work_dir: Path, launcher: str = 'none') -> Config:
    return Config(dict(work_dir=str(work_dir), launcher=launcher))


def test_a_second_training_is_refused_while_the_first_one_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = config(tmp_path / 'run')
    with locked_by_another_process(tmp_path / 'run' / TRAINING) as other:
        with pytest.raises(WorkDirInUseError, match=r'process 7 on there.*another --work-dir'):
            claim_work_dir(cfg)
        claim_work_dir(config(tmp_path / 'other'))
        monkeypatch.setenv('RANK', '1')  # process 0 of the same run asks, and it alone
        claim_work_dir(config(tmp_path / 'run', 'pytorch'))
        other.kill()
        other.wait()
        claim_work_dir(cfg)
    said = (tmp_path / 'run' / TRAINING).read_text()
    assert said.startswith(f'process {os.getpid()} on ')


def test_runs_of_one_second_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = config(tmp_path)
    for _ in range(2):
        with folder_of_its_own(cfg):
            (tmp_path / time.strftime('%Y%m%d_%H%M%S')).mkdir()  # as a Runner does; it is new
    monkeypatch.setattr(run_folder, 'PATIENCE', 0.0)
    with locked_by_another_process(tmp_path / START), folder_of_its_own(cfg):
        pass  # a start that hangs does not hold others up for ever


def test_a_work_dir_that_cannot_be_made_is_left_to_mmengine(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    cfg = config(tmp_path / 'file' / 'run')
    claim_work_dir(cfg)
    with folder_of_its_own(cfg):
        pass

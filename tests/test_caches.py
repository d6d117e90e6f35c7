"""A home folder that cannot be written must not stop the tools."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from mmsfa import caches

# Without mmsfa itself, whose import takes seconds and provides the folder.
CODE = """
import os, runpy, sys
runpy.run_path(sys.argv[1])['provide']()
folder = os.environ.get('NUMBA_CACHE_DIR')
print(folder, os.path.isdir(folder or ''))
"""


def provided(**variables: object) -> list[str]:
    """(folder that numba is told, whether it is there) in a process with these variables."""
    env = {k: v for k, v in os.environ.items() if k not in (caches.VARIABLE, 'XDG_CACHE_HOME')}
    env.update({key: str(value) for key, value in variables.items()})
    command = [sys.executable, '-S', '-c', CODE, caches.__file__]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, check=True
    ).stdout.split()


def test_a_folder_only_where_the_home_cannot_be_written(tmp_path: Path) -> None:
    assert provided(HOME=tmp_path) == ['None', 'False']
    assert provided(HOME=tmp_path / 'not' / 'yet') == ['None', 'False']
    assert provided(HOME='/proc', XDG_CACHE_HOME=tmp_path) == ['None', 'False']
    assert provided(HOME='/proc', NUMBA_CACHE_DIR='mine') == ['mine', 'False']
    folder, was_there = provided(HOME='/proc')
    assert os.path.basename(folder).startswith('mmsfa_') and was_there == 'True'
    assert not os.path.exists(folder)  # it ends with the process

"""Without torch and OpenMMLab, `mmsfa.runtime` works and everything else says what is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# No package but these can be imported: the others are as good as not installed.
BLOCK = """
import sys
from importlib.machinery import PathFinder

ALLOWED = {'numpy', 'PIL', 'onnxruntime', 'packaging', 'mmsfa', *sys.stdlib_module_names}

class Block:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition('.')[0] not in ALLOWED:
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)

sys.meta_path.insert(0, Block)
"""


@pytest.fixture
def run(repo_dir: Path) -> Callable[..., subprocess.CompletedProcess]:
    def start(code: str, **env: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, '-c', code],
            env={'PATH': '', 'PYTHONPATH': str(repo_dir), **env},
            cwd=repo_dir,
            capture_output=True,
            text=True,
        )

    return start


def test_the_runtime_imports_neither_torch_nor_mm(run: Callable) -> None:
    code = """
import mmsfa.runtime.__main__
import numpy as np
from mmsfa.runtime import FolderError, Model
try:
    Model('no such folder')
except FolderError as error:
    print(error)
loaded = {name.partition('.')[0] for name in sys.modules}
print(sorted(loaded - ALLOWED))
for name in ('mmsfa.det', 'mmsfa.backbones', 'mmsfa.apis.trained_model'):
    try:
        __import__(name)
    except Exception as error:
        print(type(error).__name__, error)
"""
    said = run(BLOCK + code)
    assert 'no such folder must be a folder' in said.stdout, said.stderr
    loaded = said.stdout.splitlines()[1]
    assert not [name for name in ('torch', 'mm', 'cv2') if f"'{name}" in loaded], loaded
    assert said.stdout.count('StackError ') == 3 and 'To mend it:' in said.stdout


def test_what_is_installed_can_be_left_alone(run: Callable) -> None:
    code = "import sys, mmsfa.runtime; print('torch' in sys.modules); import mmsfa.det"
    said = run(code, MMSFA_RUNTIME_ONLY='1')
    assert said.stdout == 'False\n'
    assert 'mmsfa.det needs torch and OpenMMLab, and MMSFA_RUNTIME_ONLY is set' in said.stderr

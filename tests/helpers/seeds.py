"""The parity kit of the other systems, as a module: `seeds(shared_dir).Case('qsnn_weights/t1')`."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest


@cache
def seeds(shared_dir: Path) -> ModuleType:
    """The module `check_seeds` of the kit; the test is skipped without it."""
    path = shared_dir / 'parity' / 'seeds' / 'check_seeds.py'
    if not path.is_file():
        pytest.skip(f'no parity kit of the other systems: {path} is missing')
    spec = importlib.util.spec_from_file_location('check_seeds', path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

"""Two references for the operators: mmcv's compiled extension, and torchvision's."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from mmsfa import ops
from mmsfa.ops import torchvision_ops


@pytest.fixture(scope='session')
def oracle(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """mmcv's compiled extension, unpacked from a wheel and imported by its path."""
    wheels = sorted((shared_dir / 'wheels').glob('onedl_mmcv-*.whl'))
    if not wheels:
        pytest.skip('no compiled wheel of onedl-mmcv in shared/wheels')
    with zipfile.ZipFile(wheels[0]) as wheel:
        names = [name for name in wheel.namelist() if name.startswith('mmcv/_ext.')]
        path = wheel.extract(names[0], tmp_path_factory.mktemp('mmcv'))
    if not path.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES)):
        pytest.skip(f'{wheels[0].name} is for another Python')
    spec = importlib.util.spec_from_file_location('_ext', path)
    try:
        module = importlib.util.module_from_spec(spec)
    except ImportError as error:
        pytest.skip(f'{wheels[0].name} is for another Python or torch: {error}')
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=['torchvision', 'plain'])
def ours(request, monkeypatch) -> dict[str, Callable]:
    """The operators of mmsfa, on torchvision's extension and without it."""
    if request.param == 'plain':
        monkeypatch.setattr(torchvision_ops, 'torchvision_loads', lambda: False)
    elif not ops.torchvision_loads():
        pytest.skip('the extension of torchvision does not load here (a CPU torch beside its '
                    'CUDA build); .ci/run tests it in an environment of its own')  # fmt: skip
    return ops.OPERATORS


@pytest.fixture
def draw() -> Callable[..., torch.Tensor]:
    """A function that draws boxes: (N, 4) corners within a picture."""

    def boxes(number: int, size: float = 256, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        first = torch.rand(number, 2) * size
        return torch.cat([first, first + torch.rand(number, 2) * size / 3], 1).to(dtype)

    return boxes

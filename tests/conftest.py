"""Fixtures for every test: shared files, a tiny data set, tools and throw-away environments."""

from __future__ import annotations

import gc
import importlib.util
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType

# The workers of pytest-xdist share the cores; so do the processes that their tests start.
if 'PYTEST_XDIST_WORKER' in os.environ:
    os.environ.setdefault('OMP_NUM_THREADS', '1')

import pytest
import torch
from mmengine.runner import set_random_seed
from mmengine.utils import ManagerMixin
from torch import nn

import mmsfa
import mmsfa.safe_loading  # noqa: F401  as tools and shipped configs do
from tests.helpers.lively import lively_weights as fill_with_lively_weights
from tests.helpers.spared_work import keep_the_library_of_operators, leave_config_texts_unformatted
from tests.helpers.tool_server import ToolServer, forks_are_safe

ROOT = Path(__file__).resolve().parents[1]
leave_config_texts_unformatted()
if 'OMP_NUM_THREADS' not in os.environ:
    torch.set_num_threads(min(4, os.cpu_count() or 1))


# Who asks for one of these starts a tool or another Python, or exports whole models.
MARKS = {
    'tools': {'run_python', 'run_tool', 'call_tool', 'environment'},
    'slow': {'exported'},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they ask for; skip `gpu` without a device."""
    for item in items:
        for mark, fixtures in MARKS.items():
            if fixtures.intersection(item.fixturenames):
                item.add_marker(mark)
        if 'test_tools' in item.path.parts:
            item.add_marker('tools')
        if item.get_closest_marker('gpu') and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason='needs a CUDA device'))


def pytest_collection_finish() -> None:
    """Spare what would be done again in each test.

    What all imports have made stays out of collections: each data set of mmengine asks for one, and
    it takes half a second else.
    """
    keep_the_library_of_operators()
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_traces_of_other_tests() -> Iterator[None]:
    """Seed every generator; forget what is global by name once a test is over.

    These are default scopes, loggers, message hubs and visualizers. Bare type names would resolve
    in the next test, and its runner would write into the folder of this one.
    """
    set_random_seed(0)
    yield
    for manager in subclasses(ManagerMixin):
        manager._instance_dict.clear()


def subclasses(parent: type) -> list[type]:
    """Every class below another one."""
    return [found for child in parent.__subclasses__() for found in (child, *subclasses(child))]


@pytest.fixture(scope='session')
def repo_dir() -> Path:
    """The root of this repository."""
    return ROOT


@pytest.fixture(scope='session')
def shared_dir() -> Path:
    """The folder with real data and parity files; tests that need it skip without it."""
    path = Path(os.environ.get('MMSFA_SHARED') or ROOT.parent / 'shared')
    if not path.is_dir():
        pytest.skip(f'no folder {path}: set MMSFA_SHARED to where data/ and parity/ are')
    return path.resolve()


@pytest.fixture(scope='session')
def shared_data(shared_dir: Path) -> Callable[[str], Path]:
    """A function that gives the folder of one real data set, or skips the test."""

    def find(name: str) -> Path:
        path = shared_dir / 'data' / name
        if not path.is_dir():
            pytest.skip(f'no data set {name} in {path.parent}')
        return path

    return find


@pytest.fixture(scope='session')
def parity(shared_dir: Path) -> ModuleType:
    """The module check_parity of the parity kit: `parity.Case('det_10m')`."""
    path = shared_dir / 'parity' / 'check_parity.py'
    if not path.is_file():
        pytest.skip(f'no parity kit: {path} is missing')
    spec = importlib.util.spec_from_file_location('check_parity', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _OpensAFile:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple:
        return open, (self.path, 'w')


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """The file that `runs_code` makes once it is unpickled."""
    return tmp_path / 'code_has_run'


@pytest.fixture
def runs_code(marker: Path) -> object:
    """What an attacker puts into a checkpoint."""
    return _OpensAFile(marker)


@pytest.fixture(scope='session')
def shapes_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Shapes data set: 8 training and 4 validation pictures. Do not write into it."""
    from mmsfa.datasets.shapes.shapes_writer import write_shapes

    path = tmp_path_factory.mktemp('data') / 'shapes'
    write_shapes(path, num_train=8, num_val=4, seed=0)
    return path


RunPython = Callable[..., subprocess.CompletedProcess]


@pytest.fixture(scope='session')
def run_python() -> RunPython:
    """A function that runs this Python as a user does and keeps what it printed."""

    def run(*args: object, timeout: float = 900, **env: str) -> subprocess.CompletedProcess:
        variables = {**os.environ, 'PYTHONPATH': str(ROOT), 'COLUMNS': '200', **env}
        command = [sys.executable, *map(str, args)]
        return subprocess.run(
            command, cwd=ROOT, env=variables, timeout=timeout, capture_output=True, text=True
        )

    return run


@pytest.fixture(scope='session')
def run_tool(run_python: RunPython) -> Iterator[RunPython]:
    """As `run_python`, for a script, in a fork of a Python that has imported torch and the rest."""
    if not forks_are_safe():
        yield run_python
        return
    server = ToolServer()

    def run(*args: object, timeout: float = 900, **env: str) -> subprocess.CompletedProcess:
        variables = {**os.environ, 'PYTHONPATH': str(ROOT), 'COLUMNS': '200', **env}
        return server.run(args, variables, timeout=timeout)

    yield run
    server.close()


@pytest.fixture(scope='session')
def free_port() -> Callable[[], int]:
    """A function that gives a port on which nobody listens, for a launcher."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            return probe.getsockname()[1]

    return find


class ThrowAwayEnvironment:
    """The installed packages as links in a folder of its own, to be spoilt at will.

    Args:
        folder: An empty folder.
        run_python: What `run` uses.
    """

    def __init__(self, folder: Path, run_python: RunPython) -> None:
        self.folder = folder
        self._run = run_python
        for path in map(Path, sys.path):
            if path.name == 'site-packages':  # an environment may go on in another one
                for package in path.iterdir():
                    if not (folder / package.name).exists():
                        (folder / package.name).symlink_to(package)

    def remove(self, *patterns: str) -> None:
        """Remove top-level entries, or files in a package (``mmcv/_ext*``), by pattern."""
        for pattern in patterns:
            top, _, inner = pattern.partition('/')
            for link in [path for path in self.folder.iterdir() if fnmatch(path.name, top)]:
                package = link.resolve()
                link.unlink()
                if not inner:
                    continue
                link.mkdir()
                for part in package.iterdir():
                    if not fnmatch(part.name, inner):
                        (link / part.name).symlink_to(part)

    def add_metadata(self, name: str, version: str, import_name: str) -> None:
        """Claim that a distribution is installed and owns an import name."""
        folder = self.folder / f'{name.replace("-", "_")}-{version}.dist-info'
        folder.mkdir()
        (folder / 'METADATA').write_text(
            f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n'
        )
        (folder / 'top_level.txt').write_text(f'{import_name}\n')

    def run(self, *args: object) -> subprocess.CompletedProcess:
        """Run Python with this environment's packages and this repository."""
        # -S keeps the real site-packages away.
        return self._run('-S', *args, PYTHONPATH=f'{ROOT}{os.pathsep}{self.folder}')


@pytest.fixture
def environment(tmp_path: Path, run_python: RunPython) -> ThrowAwayEnvironment:
    """A copy of the environment that a test may spoil; costs a few links."""
    folder = tmp_path / 'site-packages'
    folder.mkdir()
    return ThrowAwayEnvironment(folder, run_python)


@pytest.fixture(scope='session')
def convert() -> ModuleType:
    """The converter of published checkpoints as a module."""
    path = ROOT / 'tools' / 'model_converters' / 'sdt_v3_to_mmsfa.py'
    spec = importlib.util.spec_from_file_location('sdt_v3_to_mmsfa', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def call_tool(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., str]:
    """A function that runs a tool in this process and gives what it printed; saves the imports."""

    def call(tool: str, *args: object) -> str:
        monkeypatch.chdir(ROOT)
        monkeypatch.setenv('COLUMNS', '200')
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, args)])
        capsys.readouterr()
        runpy.run_path(str(ROOT / tool), run_name='__main__')
        return capsys.readouterr().out

    return call


@pytest.fixture(scope='session')
def lively_weights() -> Callable[[nn.Module], nn.Module]:
    """A function that gives a model random weights with which every layer fires."""

    return fill_with_lively_weights


@pytest.fixture(scope='session')
def make_exact(
    lively_weights: Callable[[nn.Module], nn.Module],
) -> Callable[[nn.Module], nn.Module]:
    """As `lively_weights`, with weights whose float32 sums are exact in any order.

    Weights are multiples of 1/64 and BN scales powers of two, so two ways to compute the same must
    agree bit for bit, given an input of few bits.
    """

    @torch.no_grad()
    def fill(model: nn.Module, seed: int = 0) -> nn.Module:
        for module in lively_weights(model, seed).modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.log2_().round_().exp2_()
                module.running_var.fill_(1 - module.eps)
                module.running_mean.mul_(64).round_().div_(64)
            elif getattr(module, 'weight', None) is not None:
                module.weight.mul_(64).round_().div_(64)
            if getattr(module, 'bias', None) is not None:
                module.bias.mul_(64).round_().div_(64)
        return model

    return fill

"""A user without a clone: the wheel in an environment of its own, used from an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.tools]

DEMO = 'configs/det/mask_rcnn_esf_demo.py'
QUIET = ('-m', 'pip', '--disable-pip-version-check')


def run(*command: object, cwd: Path) -> str:
    """What a command printed; it must end well, and it knows nothing of this clone."""
    env = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    found = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**env, 'COLUMNS': '200'},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout[-3000:] + found.stderr[-3000:]
    return found.stdout


@pytest.fixture(scope='module')
def clone(tmp_path_factory: pytest.TempPathFactory, repo_dir: Path) -> Path:
    """What git knows, or would, of this clone: building leaves files behind."""
    folder = tmp_path_factory.mktemp('clone')
    listed = subprocess.run(
        ['git', 'ls-files', '-co', '--exclude-standard'],
        cwd=repo_dir, capture_output=True, text=True,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip('no git, or no clone: it is not known what belongs to the distribution')
    for name in listed.stdout.splitlines():
        if (repo_dir / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((repo_dir / name).read_bytes())
    return folder


@pytest.fixture(scope='module')
def sdist(clone: Path) -> Path:
    """The source distribution, unpacked."""
    code = "from setuptools import build_meta; build_meta.build_sdist('dist')"
    run(sys.executable, '-c', code, cwd=clone)
    (packed,) = clone.glob('dist/*.tar.gz')
    with tarfile.open(packed) as archive:
        archive.extractall(clone.parent / 'sdist')
    (unpacked,) = (clone.parent / 'sdist').iterdir()
    return unpacked


@pytest.fixture(scope='module')
def wheel(sdist: Path) -> Path:
    """The wheel, built from the source distribution."""
    out = sdist.parent / 'wheels'
    build = ('wheel', '-q', '--no-deps', '--no-build-isolation', '--no-index', '-w', out, sdist)
    run(sys.executable, *QUIET, *build, cwd=sdist.parent)
    (file,) = out.glob('*.whl')
    return file


@pytest.fixture(scope='module')
def mmsfa(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """A function that runs the installed command in an empty folder, which is its `folder`."""
    venv = tmp_path_factory.mktemp('venv')
    run(sys.executable, '-m', 'venv', '--without-pip', venv, cwd=venv)
    python = venv / 'bin' / 'python'
    install = ('--python', python, 'install', '-q', '--no-deps', '--no-index', wheel)
    run(sys.executable, *QUIET, *install, cwd=venv)
    # The rest of the stack comes from here; entries of a .pth do not have their own .pth read, so
    # that an editable mmsfa stays out.
    (packages,) = venv.glob('lib/python*/site-packages')
    (packages / 'stack.pth').write_text(sysconfig.get_path('purelib') + '\n')
    folder = tmp_path_factory.mktemp('empty')

    def call(*args: object) -> str:
        return run(python.with_name('mmsfa'), *args, cwd=folder)

    call.folder, call.python, call.packages = folder, python, packages
    return call


def test_the_source_distribution_is_whole(clone: Path, sdist: Path) -> None:
    def names(folder: Path) -> set[str]:
        return {path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file()}

    ours = {name for name in names(clone) if not name.startswith(('dist/', '.ci/', 'mmsfa.egg'))}
    missing = sorted(ours - names(sdist))
    assert not missing


def test_the_wheel_ships_what_the_clone_has(clone: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    shipped = [path for one in ('configs', 'tools', 'demo') for path in (clone / one).rglob('*')]
    expected = {f'mmsfa/.mim/{p.relative_to(clone)}' for p in shipped if p.is_file()}
    assert expected | {'mmsfa/.mim/model-index.yml'} == {n for n in inside if '.mim/' in n}
    assert {n.partition('/')[0] for n in inside if '.dist-info' not in n} == {
        'mmsfa', 'mmsfa_command.py',
    }  # fmt: skip
    assert 'mmsfa/py.typed' in inside
    assert not [name for name in inside if '__pycache__' in name]


def test_help_and_list(mmsfa: Callable[..., str]) -> None:
    assert 'usage: mmsfa COMMAND' in mmsfa('--help')
    assert DEMO in mmsfa('configs', 'det')


def test_mmengine_finds_the_shipped_configs(mmsfa: Callable[..., str]) -> None:
    """By a base and by its own `get_config`; what is found is in the environment."""
    mine = mmsfa.folder / 'mine.py'
    mine.write_text("_base_ = 'mmsfa::det/mask_rcnn_esf_demo.py'\nrandomness = dict(seed=7)\n")
    code = (
        'import mmsfa.safe_loading;'
        'from mmengine.config import Config; from mmengine.hub import get_config;'
        "mine, theirs = Config.fromfile('mine.py'), get_config('mmsfa::det/mask_rcnn_esf_demo.py');"
        'assert mine.randomness.seed == 7 and mine.model == theirs.model;'
        'print(mmsfa.__file__, theirs.filename)'
    )
    package, config = run(mmsfa.python, '-c', code, cwd=mmsfa.folder).split()[-2:]
    assert Path(package).is_relative_to(mmsfa.packages)
    assert Path(config) == mmsfa.packages / 'mmsfa' / '.mim' / DEMO
    mine.unlink()


def test_the_stack_is_in_order(mmsfa: Callable[..., str]) -> None:
    assert 'All is well.' in mmsfa('check-env')


def test_data_training_and_config(mmsfa: Callable[..., str]) -> None:
    """What the first minutes of a user look like; everything lands in the current folder."""
    before = set(mmsfa.packages.rglob('*.*'))
    mmsfa('shapes', 'data/shapes', '--num-train', 4, '--num-val', 4)
    options = ('train_cfg.max_epochs=1', 'default_hooks.checkpoint.interval=1')
    loader = ('train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False')
    mmsfa('train', DEMO, '--no-validate', '--cfg-options', *options, *loader)
    work_dir = mmsfa.folder / 'work_dirs' / 'mask_rcnn_esf_demo'
    assert (work_dir / 'epoch_1.pth').is_file()
    assert sorted(path.name for path in mmsfa.folder.iterdir()) == ['data', 'work_dirs']
    assert 'data/shapes/annotations' in mmsfa('print-config', 'mmsfa::det/mask_rcnn_esf_demo.py')
    new = {path for path in set(mmsfa.packages.rglob('*.*')) - before if path.suffix != '.pyc'}
    assert not new


def test_an_editable_installation_links_into_the_clone(clone: Path) -> None:
    code = "from setuptools import build_meta; build_meta.build_editable('dist')"
    run(sys.executable, '-c', code, cwd=clone)
    mim = clone / 'mmsfa' / '.mim'
    assert (mim / DEMO).resolve() == clone / DEMO
    assert (mim / 'model-index.yml').is_file()
    assert {path.name for path in mim.iterdir()} == {'configs', 'tools', 'demo', 'model-index.yml'}
    run(sys.executable, '-c', code, cwd=clone)  # again, over the links of the first
    assert (clone / DEMO).is_file() and (mim / DEMO).is_file()

"""Which mm stack is installed: allowed ranges, readable refusals, and one repair.

Two stacks share the same import names: the maintained ``onedl-*`` forks and upstream OpenMMLab.
Everything here asks by import name, and nothing here imports an mm package.
"""

from __future__ import annotations

import importlib
import importlib.metadata as metadata
import importlib.util
import re
import sys
from functools import lru_cache
from typing import NamedTuple

from .torchvision_repair import RepairedTorchvision

MIN_PYTHON = (3, 10)
MIN_TORCH = '2.5'  # torch.serialization.safe_globals
# Upstream mmengine cannot resume on newer torch: its checkpoints need `weights_only=False`.
UPSTREAM_TORCH = '<2.6'

# import name -> distribution -> allowed versions; the first one is suggested to who has none.
STACK: dict[str, dict[str, str]] = {
    'mmengine': {
        'onedl-mmengine': '>=0.10.12,<1',
        'mmengine': '>=0.10.4,<0.11',
        'mmengine-lite': '>=0.10.4,<0.11',
    },
    'mmcv': {
        'onedl-mmcv': '>=2.3.5,<2.4',
        'mmcv': '>=2.1,<2.2',
        'mmcv-lite': '>=2.1,<2.2',
        'mmcv-full': '>=2.1,<2.2',
    },
    'mmpretrain': {'onedl-mmpretrain': '>=1.3.5,<2', 'mmpretrain': '>=1.2,<2'},
    'mmdet': {'onedl-mmdetection': '>=3.5,<4', 'mmdet': '>=3.3,<4'},
    'mmseg': {'onedl-mmsegmentation': '>=1.4,<2', 'mmsegmentation': '>=1.2.2,<2'},
}
# extra -> import names of what it installs
EXTRAS = {
    'export': ('onnx', 'onnxruntime', 'onnxscript', 'nir', 'nirtorch'),
    'pruning': ('torch_pruning',),
}
ALWAYS_NEEDED = ('mmengine', 'mmcv', 'mmpretrain')


class StackError(RuntimeError):
    """The installed packages do not fit; the message says what to do about it.

    Not an ImportError: mmengine replaces those of `custom_imports` by advice about PYTHONPATH.
    """


class Problem(NamedTuple):
    """One thing that is wrong with the installation."""

    what: str
    mend: str

    def __str__(self) -> str:
        return f'{self.what} To mend it:\n    {self.mend}'


def _canonical(name: str) -> str:
    return re.sub(r'[-_.]+', '-', name).lower()


@lru_cache(maxsize=1)
def _owners_by_import_name() -> dict[str, list[metadata.Distribution]]:
    """As `importlib.metadata.packages_distributions`, which takes 0.3 seconds of each start."""
    owners: dict[str, list[metadata.Distribution]] = {}
    for dist in metadata.distributions():
        names = dist.read_text('top_level.txt')
        lines = names.split() if names else (dist.read_text('RECORD') or '').splitlines()
        for name in {line.partition('/')[0] for line in lines}:
            owners.setdefault(name, []).append(dist)
    return owners


def installed(name: str) -> dict[str, str]:
    """Every distribution that owns one import name, with its version."""
    owners = (dist.metadata['Name'] for dist in _owners_by_import_name().get(name, []))
    found = {_canonical(owner) for owner in owners if owner}
    versions = {}
    # A source tree has neither file, so the known ones are asked as well.
    for dist in sorted(found | set(STACK.get(name, {}))):
        try:
            versions[dist] = metadata.version(dist)
        except metadata.PackageNotFoundError:
            continue
    return versions


def importable(name: str) -> bool:
    """Whether Python finds a package, without importing it."""
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _fits(version: str, allowed: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(allowed).contains(version.split('+', maxsplit=1)[0], prereleases=True)


def uses_upstream() -> bool:
    """Whether mmengine comes from upstream OpenMMLab, and only from there."""
    owners = installed('mmengine')
    return bool(owners) and not any(dist.startswith('onedl-') for dist in owners)


def install_command(name: str) -> str:
    """The command that installs one import name from the stack that is in use."""
    known = [dist for dist in STACK[name] if dist.startswith('onedl-') != uses_upstream()]
    return f"pip install '{known[0]}{STACK[name][known[0]]}'"


def python_problem() -> Problem | None:
    """Python must be new enough."""
    if sys.version_info >= MIN_PYTHON:
        return None
    needed, here = '.'.join(map(str, MIN_PYTHON)), '.'.join(map(str, sys.version_info[:3]))
    return Problem(
        f'mmsfa needs Python {needed} or newer, and this is Python {here}.',
        'rm -rf .venv && make setup PYTHON=python3.11   # any Python from 3.10 to 3.13',
    )


def _allowed_torch() -> str:
    return f'>={MIN_TORCH}' + (f',{UPSTREAM_TORCH}' if uses_upstream() else '')


def torch_problem() -> Problem | None:
    """A torch must be there, and suit the mm stack in use."""
    allowed = _allowed_torch()
    try:
        version = metadata.version('torch')
    except metadata.PackageNotFoundError:
        return Problem('torch is not installed.', f"pip install 'torch{allowed}'")
    if _fits(version, allowed):
        return None
    why = ' (upstream mmengine cannot resume with a newer one)' if uses_upstream() else ''
    return Problem(
        f'torch {version} is installed, and mmsfa needs torch{allowed}{why}.',
        f"pip install 'torch{allowed}'   # then its torchvision",
    )


def mm_problem(name: str) -> Problem | None:
    """One import name must have exactly one owner, in its allowed range."""
    owners = installed(name)
    if len(owners) > 1:
        both = ' and '.join(f'{dist} {version}' for dist, version in owners.items())
        return Problem(
            f'{both} are both installed and overwrite each other: both are imported as {name}.',
            f'pip uninstall -y {" ".join(owners)} && {install_command(name)}',
        )
    if not importable(name):
        gone = f'pip uninstall -y {" ".join(owners)} && ' if owners else ''
        return Problem(
            f'{name} cannot be imported: it is not installed.', gone + install_command(name)
        )
    for dist, version in owners.items():  # a source tree on the path has no owner: not judged
        allowed = STACK[name].get(dist)
        if allowed and not _fits(version, allowed):
            return Problem(
                f'{dist} {version} is installed, and mmsfa needs {dist}{allowed}.',
                install_command(name),
            )
    return None


def missing_problem(name: str, mend: str) -> Problem | None:
    """A package that is imported by all others must be there."""
    return None if importable(name) else Problem(f'{name} is not installed.', mend)


def _some(*found: Problem | None) -> list[Problem]:
    return [problem for problem in found if problem]


def import_problems() -> list[Problem]:
    """What is installed must import; imports torch, numpy and torchvision, and repairs the last."""
    repair_torchvision()
    return _base_problems() or _some(  # torchvision would fail as well
        _import_problem('torchvision', _torchvision_command())
    )


def _base_problems() -> list[Problem]:
    """Of what is imported in any case."""
    return _some(
        _import_problem('torch', f"pip install --force-reinstall 'torch{_allowed_torch()}'"),
        # Everything imports numpy; torch alone only warns without it.
        _import_problem('numpy', 'pip install --force-reinstall numpy'),
    )


def _import_problem(name: str, mend: str) -> Problem | None:
    """Whether an installed package imports; what cannot be loaded raises any kind of error."""
    try:
        importlib.import_module(name)
    except StackError as error:
        return error.args[0]
    except Exception as error:
        return _does_not_import(name, error, mend)
    return None


def repair_torchvision() -> None:
    """Let torchvision be imported beside any torch, whoever imports it first."""
    # By name: check_env.py has a copy of this module, and two of them would tell twice.
    others = [it for it in sys.meta_path if type(it).__name__ != RepairedTorchvision.__name__]
    sys.meta_path[:] = [RepairedTorchvision(_refused_torchvision), *others]


def _refused_torchvision(error: Exception) -> StackError:
    return StackError(_does_not_import('torchvision', error, _torchvision_command()))


def _does_not_import(name: str, error: Exception, mend: str) -> Problem:
    lines = str(error).splitlines() or [type(error).__name__]
    return Problem(f'{name} is installed but cannot be imported: {lines[0]}.', mend)


def _torchvision_command() -> str:
    """The torchvision that belongs to the installed torch: 2.13 pairs with 0.28, and so on."""
    torch = installed('torch').get('torch', '2.13')
    match = re.match(r'2\.(\d+)', torch)
    pair = f"'torchvision==0.{int(match[1]) + 15}.*'" if match else 'torchvision'
    return f'pip install --no-deps {pair}   # --no-deps: it would replace torch'


def problems(*names: str) -> list[Problem]:
    """What is wrong with python, torch, numpy, torchvision and the named mm packages.

    Args:
        *names: Import names; without any, what every use of mmsfa needs.

    Returns:
        One entry a problem, none when all is well.
    """
    # Imports take seconds: a refusal does not wait for them.
    return _version_problems(names) or import_problems()


def _version_problems(names: tuple[str, ...]) -> list[Problem]:
    old = python_problem()
    if old:
        return [old]  # nothing else can be judged, or matters, before this
    return _some(
        torch_problem(),
        missing_problem('numpy', 'pip install numpy'),
        missing_problem('torchvision', _torchvision_command()),
        *(mm_problem(name) for name in names or ALWAYS_NEEDED),
    )


def require(*names: str) -> None:
    """Stop with one readable error when something needed is missing or does not fit.

    Torchvision takes half a second: it is repaired or refused when somebody imports it.

    Args:
        *names: Import names, such as ``'mmdet'``; without any, what every use of mmsfa needs.

    Raises:
        StackError: With one paragraph and one command for each problem.
    """
    found = _version_problems(names) or _base_problems()
    if found:
        raise StackError('\n\n'.join(map(str, found)))
    repair_torchvision()


def require_extra(extra: str, *names: str) -> None:
    """Stop with one readable error when a package of an optional extra is missing.

    Args:
        extra: An extra of pyproject.toml, such as ``'export'``.
        *names: Import names that are needed of it; without any, all of them.

    Raises:
        StackError: Names what is missing and the command that installs the extra.
    """
    missing = [name for name in names or EXTRAS[extra] if not importable(name)]
    if missing:
        what = ' and '.join(missing) + ' must be installed for this and cannot be imported.'
        raise StackError(str(Problem(what, f"pip install 'mmsfa[{extra}]'")))

"""The rooms of the package: imports go one way, files are neither scraps nor halls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

PACKAGE = Path(__file__).parents[1] / 'mmsfa'
FILES = sorted(PACKAGE.rglob('*.py'))
# A room imports from those that stand above it, and from none beside it.
STOREYS = [
    ['errors', 'version', 'compat', 'caches', 'rng_state', 'moved', 'model_parts', 'shipped'],
    ['bare', 'runtime'],
    ['ops', 'neurons'],
    ['layers', 'checkpoint', 'datasets', 'spike_times'],
    ['safe_loading'],
    ['backbones', 'det', 'seg', 'spiking'],
    ['losses'],
    ['compression', 'converters', 'pretrain'],
    ['cls'],
    ['config'],
    ['data_check', 'visualization'],
    ['engine'],
    ['apis', 'cli'],
    ['export'],
]
STOREY = {room: number for number, rooms in enumerate(STOREYS) for room in rooms}


def module_of(path: Path) -> str:
    return '.'.join(path.relative_to(PACKAGE.parent).with_suffix('').parts).removesuffix(
        '.__init__'
    )


MODULES = {module_of(path): path for path in FILES}


def imports_of(path: Path) -> Iterator[str]:
    """Modules of mmsfa that a file imports, also inside its functions."""
    name = module_of(path)
    package = name.split('.') if path.name == '__init__.py' else name.split('.')[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split('.')[0] == 'mmsfa']
            assert 'mmsfa' not in names, 'it would reach every room: import what is needed of it'
            yield from names
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = '.'.join([*above, *(node.module or '').split('.')]).rstrip('.')
            for alias in node.names:
                inner = f'{base}.{alias.name}'
                if base.startswith('mmsfa'):
                    yield inner if inner in MODULES else base


def room_of(module: str) -> str:
    return [*module.split('.'), ''][1]


@pytest.mark.parametrize('path', FILES, ids=module_of)
def test_no_arrow_runs_back_up(path: Path) -> None:
    here = room_of(module_of(path))
    if not here:  # mmsfa/__init__.py
        return
    wrong = [
        name
        for name in imports_of(path)
        if (room_of(name) or 'version') != here
        and STOREY[room_of(name) or 'version'] >= STOREY[here]
    ]
    assert not wrong


def test_no_circles() -> None:
    graph = {
        name: {found for found in imports_of(path) if found != name}
        for name, path in MODULES.items()
        if path.name != '__init__.py'
    }
    TopologicalSorter(graph).prepare()


def test_every_room_stands_on_a_storey() -> None:
    assert {room_of(name) for name in MODULES} - {''} == set(STOREY)


def test_files_are_of_a_good_size() -> None:
    lines = {
        str(path.relative_to(PACKAGE)): len(path.read_text().splitlines())
        for path in FILES
        if path.name != '__init__.py'
    }
    assert max(lines.values()) <= 350
    assert 85 <= median(lines.values()) <= 130


@pytest.mark.parametrize(
    'path', [path for path in FILES if room_of(module_of(path)) != 'neurons'], ids=module_of
)
def test_only_neurons_calculate_with_levels_and_norms(path: Path) -> None:
    """Who counts or executes spikes asks `SpikingNeuron`, so that new neurons are counted right."""
    calculations = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.BinOp, ast.AugAssign, ast.Compare))
        for part in ast.iter_child_nodes(node)
        if isinstance(part, ast.Attribute) and part.attr in ('D', 'norm', 'lowest')
    ]
    assert not calculations


# Modules that have no test file of their name, and where they are tested.
TESTED_ELSEWHERE = {
    'datasets.suffixes': 'constants',
    'errors': 'two empty classes',
    'safe_loading': 'one call, whose effect test_patches.py tests',
    'version': 'one string',
    'visualization.report.template': 'text that test_page.py fills in',
}


def test_each_module_has_a_test_file() -> None:
    """`mmsfa/a/b.py` is tested by `tests/test_a/test_b.py`."""
    tests = PACKAGE.parent / 'tests'
    without = {
        module_of(path).removeprefix('mmsfa.')
        for path in FILES
        if path.name != '__init__.py'
        and not tests.joinpath(*(f'test_{p}' for p in path.relative_to(PACKAGE).parts)).is_file()
    }
    assert without == set(TESTED_ELSEWHERE)

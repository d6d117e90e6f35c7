"""The API pages: one a room of the package, written from the folders, so that none goes stale."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / 'mmsfa'
# These rooms are large enough for a page of their own; the room above keeps the rest.
OWN_PAGE = {
    'spiking.measure',
    'spiking.inference',
    'export.onnx',
    'export.nir',
    'export.whole',
    'datasets.events',
    'datasets.signals',
}


def pages() -> dict[str, str]:
    """Every API page: its place in the site, and its Markdown."""
    rooms = [path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob('**/*.py'))]
    rooms = sorted([*rooms, *OWN_PAGE])
    return {
        'api/mmsfa.md': page('', sorted(PACKAGE.glob('*.py'))),
        **{f'api/{room}.md': page(room, sorted(modules(room))) for room in rooms},
    }


def modules(room: str) -> Iterator[Path]:
    """Files of a room, without those of rooms with a page of their own."""
    apart = [PACKAGE.joinpath(*other.split('.')) for other in OWN_PAGE if other != room]
    for path in PACKAGE.joinpath(*room.split('.')).rglob('*.py'):
        if not any(path.is_relative_to(folder) for folder in apart):
            yield path


def page(room: str, files: list[Path]) -> str:
    """Title, then every module: what its package offers, or what is public in it."""
    name = f'mmsfa.{room}'.rstrip('.')
    parts = [] if files[0].name == '__init__.py' else [f'# {name}']
    for path in files:
        module = dotted(path)
        # The anchor is the name of the module, so that docstrings can link to it.
        title = f'{"#" if module == name else "##"} {module} {{#{module}}}'
        if path.name == '__init__.py':
            parts += [title, ast.get_docstring(tree_of(path)) or '', offers(path)]
        elif any(is_public(node) for node in tree_of(path).body):
            parts += [title, f'::: {module}']
    return '\n\n'.join(filter(None, parts)) + '\n'


def dotted(path: Path) -> str:
    """A file as the name of its module."""
    parts = path.relative_to(PACKAGE.parent).with_suffix('').parts
    return '.'.join(part for part in parts if part != '__init__')


@cache
def tree_of(path: Path) -> ast.Module:
    """A file, parsed."""
    return ast.parse(path.read_text())


def is_public(node: ast.AST) -> bool:
    """Whether a class or function has a place on its page."""
    return isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith('_')


def offers(package: Path) -> str:
    """The names in ``__all__`` of a package, as links to where they are explained."""
    names = [
        name
        for node in tree_of(package).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '__all__'
        for name in ast.literal_eval(node.value)
    ]
    links = ', '.join(link(name, package) for name in sorted(names))
    return links and f'Import from `{dotted(package)}`: {links}.'


def link(name: str, package: Path) -> str:
    """A name that a package offers, linked where it is a class or function with a docstring."""
    home = home_of(name, package)
    if home is None:
        return f'[`{name}`][{dotted(package)}.{name}]'
    for node in tree_of(home).body:
        if is_public(node) and node.name == name and ast.get_docstring(node):
            return f'[`{name}`][{dotted(home)}.{name}]'
    return f'`{name}`'


def home_of(name: str, path: Path) -> Path | None:
    """The file that defines what a package offers under a name; ``None`` of a module."""
    if path.name != '__init__.py':
        return path
    for node in tree_of(path).body:
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            start = path.parents[node.level - 1] if node.level else PACKAGE.parent
            base = start.joinpath(*(node.module or '').split('.'))
            file = base.with_suffix('.py')
            file = file if file.is_file() else base / '__init__.py'
            return home_of(name, file) if file != path else None
    return path

"""Every private name of another library in the code of mmsfa, found by reading it."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

# Public although they begin with an underscore: documented so that they meet no field's name.
PUBLIC = {'_replace', '_asdict', '_exit'}
BY_NAME = {'getattr', 'hasattr', 'setattr', 'delattr', 'instance_attribute'}


def is_private(name: object) -> bool:
    """Whether a name begins with one underscore."""
    return (
        isinstance(name, str)
        and name.startswith('_')
        and not name.startswith('__')
        and name not in PUBLIC | {'_'}
    )


def foreign_names(path: Path) -> set[str]:
    """Private names of others that a file reads, writes, imports or asks for by a string.

    ``self._name`` is its own where the file defines it; on any other object it counts as foreign.
    """
    tree = ast.parse(path.read_text())
    own = set(_defined(tree))
    return {name for node in ast.walk(tree) for name in _names(node, own) if is_private(name)}


def _names(node: ast.AST, own: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        is_self = isinstance(node.value, ast.Name) and node.value.id in ('self', 'cls')
        is_self = is_self or ast.unparse(node.value) == 'super()'
        if not (is_self and node.attr in own):
            yield node.attr
    elif isinstance(node, ast.ImportFrom) and not node.level:
        module = node.module or ''
        if not module.startswith('mmsfa'):
            yield from (alias.name for alias in node.names)
            yield from module.split('.')
    elif isinstance(node, ast.Import):
        yield from (part for alias in node.names for part in alias.name.split('.'))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BY_NAME:
        yield from (one.value for one in node.args[1:2] if isinstance(one, ast.Constant))


def _defined(tree: ast.AST) -> Iterator[str]:
    """Names that a file defines itself: functions, classes, ``self.name = ...``."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        for part in (part for target in targets for part in ast.walk(target)):
            if isinstance(part, ast.Name):
                yield part.id
            elif isinstance(part, ast.Attribute) and ast.unparse(part.value) == 'self':
                yield part.attr


def overridden_names(path: Path, module: str) -> set[str]:
    """Private methods of other libraries' classes that classes of a file override."""
    classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    methods = {
        node.name: [one.name for one in node.body if isinstance(one, ast.FunctionDef)]
        for node in classes
    }
    if not any(is_private(name) for names in methods.values() for name in names):
        return set()
    found = importlib.import_module(module)
    return {
        name
        for kind, names in methods.items()
        for name in filter(is_private, names)
        for base in getattr(found, kind).__mro__[1:]
        if name in vars(base) and not base.__module__.startswith('mmsfa')
    }

"""Which keys the code behind a part of a config takes, or reads."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple

NEAR = 0.8  # of `difflib`: one wrong letter in five


class Accepted(NamedTuple):
    """The keys that a part takes.

    Attributes:
        names: Those that its signature, and those of its bases, list.
        open: Whether any others may be right, too: they are handed on to somebody unknown.
        words: What its source names besides; only looked at where `open`.
    """

    names: frozenset[str]
    open: bool
    words: frozenset[str]

    def refuses(self, key: str) -> bool:
        """Whether a key is surely wrong: taken by nobody, and near to one that is, if `open`."""
        if key in self.names or key == 'type' or key.startswith('_'):  # of registries and mergers
            return False
        return not self.open or (key not in self.words and nearest(key, self.names) is not None)


def accepted_by(kind: Any, *more: str) -> Accepted:
    """What a class or function takes by keyword.

    Args:
        kind: A class or function; ``**kwargs`` go to the next base, as everywhere in OpenMMLab.
        *more: What is taken out of the settings before it is called.
    """
    names: set[str] = set(more)
    calls = (
        [vars(base)['__init__'] for base in kind.__mro__[:-1] if '__init__' in vars(base)]
        if inspect.isclass(kind)
        else [kind]
    )
    handed_on = False
    for call in calls:
        # What a decorator renames, as mmcv's for old names does, stands in no signature.
        handed_on |= hasattr(call, '__wrapped__')
        try:
            parameters = inspect.signature(call).parameters.values()
        except (TypeError, ValueError):  # written in C
            return Accepted(frozenset(names), True, frozenset())
        names.update(one.name for one in parameters)
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            break
        handed_on = True
    return Accepted(frozenset(names), handed_on, words_of(kind) if handed_on else frozenset())


def words_of(kind: Any, imported: bool = False) -> frozenset[str]:
    """Every name by which the source of a class may read a setting: ``cfg.name``, ``'name'``.

    Args:
        kind: A class or function; the files of its bases are read, too.
        imported: Whether the files of its package that those import are read as well.
    """
    modules = {base.__module__ for base in getattr(kind, '__mro__', [kind])}
    modules = {name for name in modules if name.partition('.')[0] not in ('builtins', 'torch')}
    if imported:
        modules |= {
            other
            for name in modules
            for other in _imported_by(name)
            if not reads_no_settings(other)
        }
    return frozenset().union(*map(_words_of_module, modules))


def reads_no_settings(module: str) -> bool:
    """Whether a module is one of neurons: they read no ``train_cfg`` or ``test_cfg``."""
    return module.startswith('mmsfa.neurons')


@cache
def _imported_by(module: str) -> frozenset[str]:
    """The modules that what a module holds comes from, of its own package or of OpenMMLab."""
    holds = vars(sys.modules[module]).values() if module in sys.modules else ()
    found = {getattr(one, '__module__', None) for one in holds}
    packages = (module.partition('.')[0], 'mmcv', 'mmdet', 'mmseg', 'mmpretrain')
    wanted = tuple(f'{package}.' for package in packages)
    return frozenset(name for name in found if isinstance(name, str) and name.startswith(wanted))


@cache
def _words_of_module(module: str) -> frozenset[str]:
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError, SyntaxError):
        return frozenset()
    words = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value)
        elif isinstance(node, (ast.keyword, ast.arg)):
            words.add(node.arg or '')
    return frozenset(words)


def nearest(key: str, names: Iterable[str]) -> str | None:
    """The name that a key is most likely meant to be; None if it is like none."""
    return next(iter(get_close_matches(key, list(names), n=1, cutoff=NEAR)), None)

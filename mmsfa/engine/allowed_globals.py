"""The only names that a pickled checkpoint may refer to, beyond torch's own allow-list.

They are exactly what mmengine itself stores: log histories and the numpy values inside them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mmengine.logging import HistoryBuffer

try:
    from numpy._core import multiarray
except ImportError:  # numpy 1
    from numpy.core import multiarray

_STATISTICS = ('min', 'max', 'mean', 'current')


def history_method(owner: type, name: str) -> Callable:
    """Stand-in for ``getattr``, which mmengine's log histories are pickled with.

    ``getattr`` itself would open every attribute of every allowed object; this one knows only the
    four statistics of a `HistoryBuffer`.

    Raises:
        ValueError: Anything else is asked for.
    """
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise ValueError(f'Unsupported global: GLOBAL getattr({owner!r}, {name!r}) was refused')
    return getattr(HistoryBuffer, name)


def _named(function: Callable, name: str) -> Callable:
    """The same function under the name that a pickle file uses for it."""

    def alias(*args: object) -> object:
        return function(*args)

    alias.__module__, _, alias.__name__ = name.rpartition('.')
    alias.__qualname__ = alias.__name__
    return alias


def allowed_globals() -> list[type | Callable]:
    """Entries for `torch.serialization.safe_globals`."""
    numeric = {type(np.dtype(code)): None for code in '?bBhHiIlLqQefd'}
    allowed: list[type | Callable] = [HistoryBuffer, np.ndarray, np.dtype, *numeric]
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):  # written by numpy 1 and 2
        allowed.append(_named(multiarray.scalar, f'{module}.scalar'))
        allowed.append(_named(multiarray._reconstruct, f'{module}._reconstruct'))
    return [*allowed, _named(history_method, 'builtins.getattr')]

"""The only names that a pickled checkpoint may refer to, beyond torch's own allow-list.

They are exactly what mmengine itself stores: log histories and the numbers inside them. Each name
stands for a stand-in that makes numeric data and nothing else: the real ``getattr`` leads to every
object of Python, and numpy's own constructors trust the file with raw pointers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any, NoReturn

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

try:
    from numpy._core import multiarray
except ImportError:  # numpy 1
    from numpy.core import multiarray  # type: ignore[no-redef]

ONE_CYCLE = 'mmengine.optim.scheduler.param_scheduler.OneCycleParamScheduler'
_STATISTICS = ('min', 'max', 'mean', 'current')
_turn = RLock()  # a loader of mmengine may call `safe_load` in its turn
_NUMERIC = re.compile(r'[<>|=]?[?bBhHiIlLqQefdu]\d*')


def _refuse(what: str) -> NoReturn:
    raise ValueError(f'Unsupported global: GLOBAL {what} was refused')


class OneCycle:
    """Stand-in for mmengine's one-cycle scheduler, whose state names one of its functions."""

    def __new__(cls, *_: object) -> OneCycle:
        """Refuse a call from the file."""
        _refuse(f'{ONE_CYCLE}()')


def known_method(owner: type, name: str) -> Callable:
    """Stand-in for ``getattr``, which log histories and one-cycle schedules are pickled with.

    Raises:
        ValueError: Anything but the four statistics of a `HistoryBuffer`, or the two annealing
            functions of a one-cycle scheduler, is asked for.
    """
    if owner is HistoryBuffer and name in _STATISTICS:
        return getattr(HistoryBuffer, name)
    if owner is OneCycle and name in ('_annealing_cos', '_annealing_linear'):
        return getattr(OneCycleParamScheduler, name)
    _refuse(f'getattr({owner!r}, {name!r})')


def numeric_dtype(code: str, *_: object) -> np.dtype:
    """Stand-in for ``numpy.dtype``: numbers only, no objects, texts or structures.

    Raises:
        ValueError: Another type is asked for.
    """
    if not (isinstance(code, str) and _NUMERIC.fullmatch(code)):
        _refuse(f'numpy.dtype({code!r})')
    return np.dtype(code)


class NumericArray(np.ndarray):
    """Stand-in for ``numpy.ndarray``: it is filled by a pickle file, never made by one."""

    def __new__(cls, *_: object) -> NumericArray:
        """Refuse a call from the file, whose buffer would be taken for memory."""
        _refuse('numpy.ndarray()')

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickle as an ordinary array."""
        return np.asarray(self).__reduce__()


def empty_array(*_: object) -> NumericArray:
    """Stand-in for numpy's ``_reconstruct``, the first half of unpickling an array."""
    return np.ndarray.__new__(NumericArray, (0,))


def numeric_scalar(dtype: np.dtype, data: bytes) -> np.generic:
    """Stand-in for numpy's ``scalar``.

    Raises:
        ValueError: The type is not a numeric one.
    """
    if not isinstance(dtype, np.dtype) or dtype.hasobject:
        _refuse(f'numpy scalar of {dtype!r}')
    scalar: Callable[[np.dtype, bytes], Any] = multiarray.scalar
    return scalar(dtype, data)


def _named(stand_in: Callable, name: str) -> Callable:
    """A stand-in under the name that pickle files use for the real thing."""

    def alias(*args: object) -> object:
        return stand_in(*args)

    alias.__module__, _, alias.__name__ = name.rpartition('.')
    alias.__qualname__ = alias.__name__
    return alias


OneCycle.__module__, _, OneCycle.__name__ = ONE_CYCLE.rpartition('.')
OneCycle.__qualname__ = OneCycle.__name__
NumericArray.__module__, NumericArray.__name__, NumericArray.__qualname__ = (
    'numpy',
    *['ndarray'] * 2,
)


def allowed_globals() -> list[Callable | tuple[Callable, str]]:
    """Entries for `torch.serialization.safe_globals`."""
    numbers = {type(np.dtype(code)) for code in '?bBhHiIlLqQefd'}
    allowed: list[Callable | tuple[Callable, str]]
    allowed = [HistoryBuffer, NumericArray, OneCycle, *numbers]
    allowed += [_named(numeric_dtype, 'numpy.dtype'), _named(known_method, 'builtins.getattr')]
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):  # written by numpy 1 and 2
        allowed.append(_named(numeric_scalar, f'{module}.scalar'))
        allowed.append(_named(empty_array, f'{module}._reconstruct'))
    return allowed


@contextmanager
def globals_allowed() -> Iterator[None]:
    """Add the `allowed_globals` to torch's own list while the context is open.

    torch keeps one list for the whole process and puts back what it found: threads that overlap
    would take each other's names away, or leave them behind. So they take turns.
    """
    with _turn, torch.serialization.safe_globals(allowed_globals()):
        yield

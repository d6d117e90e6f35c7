"""The few names that a checkpoint may refer to make numbers and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

from mmsfa.checkpoint.loading.allowed_globals import multiarray
from mmsfa.engine import UnsafeCheckpointError, safe_load


class AsksForMethods:
    """Unpickling it looks up a method by name, the way log histories do."""

    def __init__(self, owner: type, name: str) -> None:
        self.asked = owner, name

    def __reduce__(self) -> tuple:
        return getattr, self.asked


@pytest.mark.parametrize(
    ('owner', 'name'),
    [(HistoryBuffer, '__init__'), (HistoryBuffer, 'update'), (np.ndarray, 'tofile'),
     (np.ndarray, 'min'), (torch.Tensor, 'storage'), (OneCycleParamScheduler, '__init__'),
     (OneCycleParamScheduler, 'step')],
)  # fmt: skip
def test_getattr_opens_log_histories_and_annealing_only(
    tmp_path: Path, owner: type, name: str
) -> None:
    path = tmp_path / 'getattr.pth'
    torch.save(AsksForMethods(owner, name), path)
    with pytest.raises(UnsafeCheckpointError, match='getattr'):
        safe_load(path)


def test_a_one_cycle_scheduler_is_named_and_never_made(tmp_path: Path) -> None:
    path = tmp_path / 'one_cycle.pth'
    torch.save(dict(anneal_func=OneCycleParamScheduler._annealing_cos), path)
    assert safe_load(path)['anneal_func'] is OneCycleParamScheduler._annealing_cos
    torch.save(Makes(OneCycleParamScheduler), path)
    with pytest.raises(UnsafeCheckpointError, match='OneCycleParamScheduler'):
        safe_load(path)


class Makes:
    """Unpickling it calls a class."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def __reduce__(self) -> tuple:
        return self.kind, (None,)


class Array:
    """Unpickling it builds a numpy array from the arguments that the file gives."""

    def __init__(self, function: Callable, *args: object, state: tuple | None = None) -> None:
        self.reduced = (function, args) if state is None else (function, args, state)

    def __reduce__(self) -> tuple:
        return self.reduced


OBJECTS = np.dtype('O')


@pytest.mark.parametrize(
    'array',
    [
        Array(np.ndarray, (1,), np.dtype('f8'), b'A' * 8),
        Array(np.ndarray, (1,), OBJECTS, b'A' * 8),
        Array(
            multiarray._reconstruct, np.ndarray, (0,), b'b', state=(1, (9,), OBJECTS, False, [1])
        ),
        Array(multiarray.scalar, OBJECTS, b'A' * 8),
        np.array([1], dtype=[('a', 'f8')]),
        np.array(['text']),
    ],
)
def test_arrays_hold_numbers_only(tmp_path: Path, array: object) -> None:
    """Objects in an array are pointers: a file could choose where they point."""
    path = tmp_path / 'array.pth'
    torch.save(array, path)
    with pytest.raises(UnsafeCheckpointError, match='numpy'):
        safe_load(path)


def test_arrays_of_numbers_survive_twice(tmp_path: Path) -> None:
    path = tmp_path / 'array.pth'
    content = [np.arange(6.0).reshape(2, 3), np.float32(2), np.zeros(2, bool)]
    for _ in range(2):
        torch.save(content, path)
        content = safe_load(path)
    assert content[0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert content[1] == 2 and content[2].dtype == bool

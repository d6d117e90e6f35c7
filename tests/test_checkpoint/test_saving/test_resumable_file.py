"""Whether a run can go on from one file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from mmsfa.checkpoint.saving.resumable_file import fault_of


def written(path: Path, model: nn.Module, **parts: object) -> Path:
    """A checkpoint of a model with other parts."""
    content = dict(meta=dict(epoch=1, iter=7), message_hub={}, optimizer={})
    torch.save(content | dict(state_dict=model.state_dict()) | parts, path)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'epoch_1.pth'


def test_a_good_file(path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    written(path, model)
    assert fault_of(path) is fault_of(path, model) is None


@pytest.mark.parametrize(
    ('parts', 'reason'),
    [
        (dict(meta=None), 'it has no meta.'),
        (dict(optimizer=None, message_hub=None), 'it has no message_hub and no optimizer.'),
        (dict(meta=dict(epoch=1)), 'it does not say its epoch and iteration.'),
        (dict(meta=dict(epoch='1', iter=7)), 'it does not say its epoch and iteration.'),
    ],
)
def test_parts_that_are_not_there(path: Path, parts: dict, reason: str) -> None:
    written(path, nn.Linear(2, 3), **parts)
    assert fault_of(path) == f'{path} is no checkpoint to resume from: {reason}'


def test_each_fault_names_its_file_once(path: Path, runs_code: object, marker: Path) -> None:
    assert fault_of(path).count(str(path)) == 1  # not there
    torch.save([1, 2], path)
    assert fault_of(path) == f'{path} is no checkpoint of a training: it holds a list.'
    written(path, nn.Linear(2, 3), extra=runs_code)
    assert 'could run code' in fault_of(path) and fault_of(path).count(str(path)) == 1
    assert not marker.exists()


def test_weights_of_another_model(path: Path) -> None:
    written(path, nn.Linear(2, 3))
    assert fault_of(path, nn.Linear(2, 4)) == (
        f"{path} belongs to another model: 2 of 2 parameters do not fit, first 'weight', "
        'which is of shape (3, 2) instead of (4, 2).'
    )
    deeper = nn.Module()
    deeper.weight, deeper.more = nn.Parameter(torch.ones(3, 2)), nn.Parameter(torch.ones(5))
    assert fault_of(path, deeper).endswith(
        "1 of 2 parameters do not fit, first 'more', which is missing instead of (5,)."
    )


def test_what_a_model_does_not_load_may_differ(path: Path) -> None:
    """Buffers, more than it has, a lazy layer, and parameters that it keeps out of checkpoints."""

    class Student(nn.Linear):
        def state_dict(self, *args, **kwargs):
            state = super().state_dict(*args, **kwargs)
            return {name: value for name, value in state.items() if 'teacher' not in name}

    model = Student(2, 3)
    written(path, model, state_dict=model.state_dict() | {'stranger': torch.ones(1)})
    model.register_buffer('counter', torch.zeros(9))
    model.teacher = nn.Linear(8, 8)
    assert fault_of(path, model) is None
    assert fault_of(path, nn.LazyLinear(3)) is None


def test_a_wrapper_does_not_matter_on_either_side(path: Path) -> None:
    model, wrapped = nn.Linear(2, 3), nn.Module()
    wrapped.module = nn.Linear(2, 3)
    written(path, model)
    assert fault_of(path, wrapped) is None
    written(path, wrapped)
    assert fault_of(path, model) is None

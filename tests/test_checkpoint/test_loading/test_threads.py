"""Threads that load checkpoints at the same time: torch keeps its list of names per process."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from mmsfa.checkpoint.loading import safe_load
from mmsfa.checkpoint.loading.patches import _strict

FORCED = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
OVERLAP = 0.5  # seconds that one waits for the other, who comes only where they do not take turns


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """As mmengine writes it: with names that are not on torch's own list."""
    log = HistoryBuffer([1.0, 2.0], [1, 1])
    torch.save(
        dict(state_dict={}, message_hub=dict(loss=log), meta=dict(a=np.float32(1))), tmp_path / 'a'
    )
    return tmp_path / 'a'


class Meeting:
    """Two foreign loaders: the first leaves while the second is about to read its file."""

    def __init__(self) -> None:
        self.first_in, self.second_in, self.first_out = Event(), Event(), Event()

    def first(self, path: Path, map_location: Any = None) -> dict[str, Any]:
        self.first_in.set()
        self.second_in.wait(OVERLAP)
        return torch.load(path, map_location, weights_only=False)

    def second(self, path: Path, map_location: Any = None) -> dict[str, Any]:
        self.second_in.set()
        self.first_out.wait(OVERLAP)
        return torch.load(path, map_location, weights_only=False)


@pytest.mark.parametrize('before', [None, '0'])
def test_foreign_loaders_take_turns(
    path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    monkeypatch.delenv(FORCED, raising=False)
    if before is not None:
        monkeypatch.setenv(FORCED, before)
    meeting, listed = Meeting(), set(torch.serialization.get_safe_globals())

    def run_first() -> dict[str, Any]:
        try:
            return _strict(meeting.first)(path)
        finally:
            meeting.first_out.set()

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(run_first)
        meeting.first_in.wait()
        other = pool.submit(_strict(meeting.second), path)
        for found in (one.result(), other.result()):
            assert found['message_hub']['loss'].current() == 2.0
    assert os.environ.get(FORCED) == before
    assert set(torch.serialization.get_safe_globals()) == listed


def test_many_files_at_once(path: Path) -> None:
    listed = set(torch.serialization.get_safe_globals())
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(safe_load, [path] * 40))
    assert {content['message_hub']['loss'].current() for content in found} == {2.0}
    assert set(torch.serialization.get_safe_globals()) == listed


def test_a_loader_may_load_another_file(path: Path) -> None:
    """One thread does not wait for itself."""
    found = _strict(lambda name, _=None: safe_load(name))(path)
    assert found['meta'] == dict(a=1)

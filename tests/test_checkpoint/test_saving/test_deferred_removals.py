"""What a hook removes is removed later."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.fileio import LocalBackend

from mmsfa.checkpoint.saving.deferred_removals import DeferredRemovals, remove


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A checkpoint."""
    path = tmp_path / 'epoch_1.pth'
    path.write_text('old')
    return path


@pytest.fixture
def of_deepspeed(tmp_path: Path) -> Path:
    """A checkpoint that is a folder."""
    path = tmp_path / 'epoch_2.pth'
    path.mkdir()
    (path / 'weights').touch()
    return path


def test_nothing_goes_before_its_time(old: Path, of_deepspeed: Path) -> None:
    backend = DeferredRemovals(LocalBackend())
    backend.remove(old)
    backend.rmtree(str(of_deepspeed))
    assert old.exists() and of_deepspeed.exists()
    backend.run(keep=set())
    assert not old.exists() and not of_deepspeed.exists()
    old.write_text('new')
    backend.run(keep=set())  # it was told once
    assert old.read_text() == 'new'


def test_what_was_written_again_stays_for_good(old: Path, of_deepspeed: Path) -> None:
    backend = DeferredRemovals(LocalBackend())
    for path in (old, of_deepspeed):
        backend.remove(path)
    backend.run(keep={str(old)})
    assert old.exists() and not of_deepspeed.exists()
    backend.run(keep=set())
    assert old.exists()


def test_all_else_is_done_at_once(old: Path) -> None:
    backend = DeferredRemovals(LocalBackend())
    backend.put(b'new', str(old))
    assert backend.get(str(old)) == b'new' and backend.name == 'LocalBackend'


def test_what_is_not_there_need_not_be_removed(old: Path, tmp_path: Path) -> None:
    remove(LocalBackend(), str(tmp_path / 'none.pth'))
    remove(LocalBackend(), str(old))
    assert not old.exists()

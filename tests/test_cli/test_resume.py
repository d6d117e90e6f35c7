"""What a run goes on from with ``--resume``."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmsfa.checkpoint.saving import NoResumableCheckpointError
from mmsfa.cli.resume import apply_resume


def config(work_dir: Path, kind: str | None = 'CheckpointHook', **hook: object) -> Config:
    """As tools/train.py has it before ``--resume`` is heeded."""
    hooks = {} if kind is None else dict(checkpoint=dict(type=kind, **hook))
    return Config(dict(work_dir=str(work_dir), load_from='pretrained.pth', default_hooks=hooks))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A work dir with a good epoch_1.pth and a newer file that is none."""
    work_dir = tmp_path / 'run'
    work_dir.mkdir()
    meta = dict(epoch=1, iter=7)
    content = dict(meta=meta, state_dict={}, message_hub={}, optimizer={})
    torch.save(content, work_dir / 'epoch_1.pth')
    (work_dir / 'epoch_2.pth').write_text('cut off')
    return work_dir


def resumed(cfg: Config, path: str | None = None) -> tuple[bool, str | None]:
    apply_resume(cfg, path)
    return cfg.resume, cfg.load_from


@pytest.mark.parametrize('kind', ['CheckpointHook', 'AtomicCheckpointHook', None])
def test_before_the_first_save_the_run_starts_anew(tmp_path: Path, kind: str | None) -> None:
    assert resumed(config(tmp_path, kind)) == (False, 'pretrained.pth')


@pytest.mark.parametrize('kind', ['CheckpointHook', 'AtomicCheckpointHook', None])
def test_a_path_is_taken_as_it_is(run: Path, kind: str | None) -> None:
    for path in (str(run / 'epoch_2.pth'), 'gone.pth'):
        assert resumed(config(run, kind), path) == (True, path)


def test_the_newest_good_one_is_looked_for_here(run: Path) -> None:
    for kind in ('CheckpointHook', None):
        assert resumed(config(run, kind)) == (True, str(run / 'epoch_1.pth'))
    (run / 'epoch_1.pth').unlink()
    with pytest.raises(NoResumableCheckpointError, match='Name a good one with --resume PATH'):
        apply_resume(config(run), None)


def test_our_hook_looks_for_it_itself(run: Path) -> None:
    """Once there is a model that it must fit."""
    assert resumed(config(run, 'AtomicCheckpointHook')) == (True, None)


@pytest.mark.parametrize('kind', ['CheckpointHook', 'AtomicCheckpointHook'])
def test_the_out_dir_of_the_hook_is_searched(run: Path, tmp_path: Path, kind: str) -> None:
    cfg = config(tmp_path / 'elsewhere' / run.name, kind, out_dir=str(tmp_path))
    found = str(run / 'epoch_1.pth') if kind == 'CheckpointHook' else None
    assert resumed(cfg) == (True, found)

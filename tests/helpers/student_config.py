"""A shipped config as a student or teacher of tests."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope


def read(repo_dir: Path, name: str) -> Config:
    """A config in its own scope, whose model gets tensors and has no teacher of its own."""
    cfg = Config.fromfile(repo_dir / 'configs' / name)
    init_default_scope(cfg.default_scope)
    cfg.model.update(data_preprocessor=None)
    cfg.model.pop('teacher', None)
    return cfg

"""Data sets of shipped configs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, init_default_scope

import mmsfa.datasets.events  # noqa: F401  registers


@pytest.fixture
def dataset(repo_dir: Path) -> Callable[..., BaseDataset]:
    """A function that builds a data set of `configs/_base_/datasets` from files elsewhere."""

    def build(name: str, split: str, root: Path, **changes) -> BaseDataset:
        init_default_scope('mmpretrain')
        cfg = Config.fromfile(repo_dir / 'configs' / '_base_' / 'datasets' / f'{name}.py')
        settings = cfg[f'{split}_dataloader'].dataset
        return DATASETS.build({**settings, 'data_root': str(root), **changes})

    return build

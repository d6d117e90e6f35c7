"""Small models as folders, written once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from mmsfa.export.whole.folder import region_graphs, whole_settings, write_folder


@pytest.fixture(scope='session')
def written_folder(
    exported: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A function that writes an exported detector, segmentor or classifier, float and int8."""

    @lru_cache
    def write(kind: str) -> Path:
        cfg, model, graph = exported(kind)
        model.dataset_meta = dict(cfg.test_dataloader.dataset.get('metainfo') or {})
        settings = whole_settings(cfg, model)
        folder = tmp_path_factory.mktemp(kind.replace(' ', '_'))
        graphs = {'dense': graph, **region_graphs(model, settings)}
        write_folder(folder, settings, graphs, int8=True)
        return folder

    return write

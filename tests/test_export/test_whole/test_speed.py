"""Whole models are timed in turns, each on the same pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from mmsfa.export.whole.speed import seconds_in_turns
from mmsfa.runtime import Model


def test_each_backend_predicts_each_picture_twice(
    written: Callable, shapes_dir: Path, monkeypatch: Any
) -> None:
    cfg, model, folder = written('classifier')
    init_default_scope(cfg.default_scope)
    pipeline = Compose(cfg.test_dataloader.dataset.pipeline)
    paths = sorted((shapes_dir / 'images/validation').glob('*'))[:3]
    data = [pipeline(dict(img_path=str(path))) for path in paths]
    calls = []
    model_step, folder_step = model.test_step, Model.__call__

    def test_step(batch: dict) -> list:
        assert not torch.is_grad_enabled()
        calls.append(batch['data_samples'][0].img_path)
        return model_step(batch)

    def in_folder(self: Model, path: str) -> Any:
        calls.append(path)
        return folder_step(self, path)

    monkeypatch.setattr(model, 'test_step', test_step)
    monkeypatch.setattr(Model, '__call__', in_folder)
    found = seconds_in_turns(model, {'float ONNX': Model(folder, threads=1)}, data, [2, 0])
    assert {name: len(values) for name, values in found.items()} == {'PyTorch': 2, 'float ONNX': 2}
    assert all(value > 0 for values in found.values() for value in values)
    assert calls == [str(paths[2])] * 4 + [str(paths[0])] * 4

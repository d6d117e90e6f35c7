"""Seconds a picture of whole models: PyTorch and folders in turns, so that all see one machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from rich.progress import track

from mmsfa.runtime import Model


def seconds_in_turns(
    model: BaseModel, runs: Mapping[str, Model], dataset: Any, pictures: Iterable[int]
) -> dict[str, list[float]]:
    """Time every backend from the file of a picture to its result.

    Each picture is predicted twice by each backend, and the second time counts: engines prepare
    themselves for every new size.

    Args:
        model: A trained model in evaluation mode, on the CPU.
        runs: Name -> its folder in one form and engine.
        dataset: The test data of the config.
        pictures: Which of them.

    Returns:
        'PyTorch' and the names of the runs -> one value a picture.
    """

    def in_pytorch(index: int) -> None:
        with torch.no_grad():
            model.test_step(pseudo_collate([dataset[index]]))

    def in_folder(run: Model) -> Callable[[int], Any]:
        return lambda index: run(paths[index])

    indices = list(pictures)
    paths = {i: dataset[i]['data_samples'].metainfo['img_path'] for i in indices}
    calls = {'PyTorch': in_pytorch} | {name: in_folder(run) for name, run in runs.items()}
    found: dict[str, list[float]] = {name: [] for name in calls}
    for index in track(indices, 'time'):
        for name, call in calls.items():
            call(index)
            start = time.perf_counter()
            call(index)
            found[name].append(time.perf_counter() - start)
    return found

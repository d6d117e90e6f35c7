"""Loops tell their hooks of an iteration that breaks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn

LOOPS = [
    dict(type='ResumableEpochBasedTrainLoop', max_epochs=1),
    dict(type='ResumableIterBasedTrainLoop', max_iters=4),
]


class Breaks(BaseModel):
    """Its third training step is a mistake."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.steps = nn.Linear(2, 1), 0

    def forward(self, x: Tensor, mode: str = 'tensor') -> dict:
        self.steps += 1
        if self.steps == 3:
            raise KeyError('bug')
        return dict(loss=self.layer(x).mean())


class Listener(Hook):
    """Hears of it, and may raise something else."""

    def __init__(self, other: Exception | None) -> None:
        self.other = other
        self.heard: list[tuple[int, Exception]] = []

    def after_failed_iter(self, runner: Runner, error: Exception) -> None:
        self.heard.append((runner.iter, error))
        if self.other is not None:
            raise self.other


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)


@pytest.mark.parametrize('other', [None, ValueError('better')])
@pytest.mark.parametrize('loop', LOOPS)
def test_hooks_hear_of_it(tmp_path: Path, loop: dict, other: Exception | None) -> None:
    listener = Listener(other)
    run = Runner(
        model=Breaks(),
        work_dir=str(tmp_path),
        train_dataloader=dict(
            dataset=[dict(x=x) for x in torch.randn(8, 2)], batch_size=2,
            sampler=dict(type='DefaultSampler'), collate_fn=dict(type='default_collate'),
        ),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        train_cfg=dict(loop),
        custom_hooks=[listener],
        experiment_name=tmp_path.name,
    )  # fmt: skip
    with pytest.raises(type(other or KeyError()), match='better' if other else 'bug'):
        run.train()
    ((iteration, error),) = listener.heard
    assert iteration == 2 and isinstance(error, KeyError)

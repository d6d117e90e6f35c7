"""Fixtures: a training of a few numbers, and what it logs. A conftest.py imports them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn


class Net(BaseModel):
    """One layer."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.layer = nn.Linear(2, width)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        out = self.layer(torch.stack(inputs))
        return dict(loss=out.sum()) if mode == 'loss' else list(out)


class Better(BaseMetric):
    """A score that grows with every validation."""

    times = 0

    def process(self, data_batch, data_samples) -> None:
        self.results += [0]

    def compute_metrics(self, results: list) -> dict:
        self.times += 1
        return dict(acc=float(self.times), aux=float(-self.times))


@pytest.fixture
def net() -> type[Net]:
    """The model of `toy_runner`."""
    return Net


@pytest.fixture
def toy_runner() -> Callable[..., Runner]:
    """A function that builds a runner; one iteration an epoch, one checkpoint an epoch."""

    def build(
        work_dir: Path, epochs: int, model: nn.Module | None = None, val: bool = False, **options
    ) -> Runner:
        loader = dict(
            dataset=[dict(inputs=torch.ones(2))],
            batch_size=1,
            sampler=dict(type='DefaultSampler', shuffle=False),
        )
        runner_options = {
            key: options.pop(key) for key in ('resume', 'load_from') if key in options
        }
        hooks = options.pop('hooks', [])
        if val:
            runner_options |= dict(
                val_dataloader=loader, val_cfg=dict(), val_evaluator=Evaluator(Better())
            )
        checkpoint = dict(type='AtomicCheckpointHook', interval=1) | options
        return Runner(
            model=model or Net(),
            work_dir=str(work_dir),
            train_dataloader=loader,
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
            default_hooks=dict(checkpoint=checkpoint),
            custom_hooks=hooks,
            experiment_name=f'{work_dir.parent.name}_{work_dir.name}_{time.monotonic_ns()}',
            **runner_options,
        )

    return build


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What is logged as a warning about resuming."""
    yield from _kept('Resume:')


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What is logged as a warning."""
    yield from _kept('')


def _kept(word: str) -> Iterator[list[str]]:
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno == logging.WARNING and word in record.getMessage():
                found.append(record.getMessage())

    handler, callhandlers = Keep(), MMLogger.callHandlers

    def call(self: MMLogger, record: logging.LogRecord) -> None:
        handler.handle(record)
        callhandlers(self, record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MMLogger, 'callHandlers', call)
        MMLogger.get_instance('checkpoint tests')
        yield found

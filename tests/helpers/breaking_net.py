"""A small net that loses its numbers when asked to, and hooks that ask it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import Tensor, nn


class Root(torch.autograd.Function):
    """A finite value with a gradient of NaN, as of a square root at 0 behind a mask."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x * 1

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient * math.nan


class Net(BaseModel):
    """Three layers; data samples with file names; a mask of infinities."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.head = nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 1)
        self.register_buffer('mask', torch.tensor([0.0, -math.inf]))
        self.spoil: str | None = None

    def forward(self, inputs, data_samples=None, mode='tensor'):
        x = self.norm(self.stem(torch.stack(inputs)))
        if self.spoil == 'gradient':
            x = Root.apply(x)
        out = self.head(x)
        if mode != 'loss':
            return out
        loss = out.square().mean()
        if self.spoil == 'weight':
            loss = loss * 1e30
        bad = loss * math.nan if self.spoil == 'loss' else loss
        return dict(loss_cls=[loss, loss], loss_box=bad, acc=loss * math.inf)


class At(Hook):
    """Does something before one iteration (the first is 1)."""

    def __init__(self, iteration: int, do: Callable[[Net], None]) -> None:
        self.iteration, self.do = iteration, do

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if runner.iter + 1 == self.iteration:
            self.do(runner.model)


class AfterStep(At):
    """Does it behind the optimizer's step, before the save."""

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        pass

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if runner.iter + 1 == self.iteration:
            self.do(runner.model)

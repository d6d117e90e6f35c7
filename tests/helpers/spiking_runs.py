"""Runs of a toy model with neurons, which a hook looks at."""

from __future__ import annotations

from pathlib import Path

import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

import mmsfa.engine  # noqa: F401  registers the hooks
from mmsfa.neurons import SFA


class Count(BaseMetric):
    """How many pictures there were."""

    def process(self, data_batch, data_samples) -> None:
        self.results += [1] * len(data_samples)

    def compute_metrics(self, results: list) -> dict:
        return dict(count=float(len(results)))


class Net(BaseModel):
    """Neuron, identity, neuron: what fires can be told from the input."""

    def __init__(self, spiking: bool = True) -> None:
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.stages = nn.ModuleList([SFA(D=4) if spiking else nn.ReLU()])
        self.neck = SFA(D=2, norm=1) if spiking else nn.ReLU()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        x = torch.stack(inputs) * self.weight
        self.backbone.stages[0](x)
        out = self.neck(x)
        return dict(loss=out.sum()) if mode == 'loss' else list(out)


class ConvNet(Net):
    """Image, analog layer, neuron, layer that spikes reach, neuron."""

    def __init__(self, bias: float = 0.5) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone.stages = nn.ModuleList([nn.Linear(2, 3), SFA(D=4), nn.Linear(3, 5)])
        self.neck = SFA(D=4)
        nn.init.constant_(self.backbone.stages[0].weight, 0.5)
        nn.init.constant_(self.backbone.stages[2].bias, bias)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        x = torch.stack(inputs) * self.weight
        for stage in self.backbone.stages:
            x = stage(x)
        out = self.neck(x)
        return dict(loss=out.sum()) if mode == 'loss' else list(out)


# Four pictures in four batches.
IMAGES = [[0.0, 1.0], [3.0, 4.0], [9.0, -1.0], [2.0, 2.0]]


def runner(folder: Path, model: nn.Module, logger: str = 'LoggerHook', **hook) -> Runner:
    """A runner for `model` with the hook of firing rates; `hook` are its settings."""
    loader = dict(
        dataset=[dict(inputs=torch.tensor(image)) for image in IMAGES],
        batch_size=1,
        sampler=dict(type='DefaultSampler', shuffle=False),
    )
    return Runner(
        model=model,
        work_dir=str(folder),
        train_dataloader=loader,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.0)),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        val_dataloader=loader,
        val_cfg=dict(),
        val_evaluator=Evaluator(Count()),
        test_dataloader=loader,
        test_cfg=dict(),
        test_evaluator=Evaluator(Count()),
        default_hooks=dict(logger=dict(type=logger)),
        custom_hooks=[dict(type='FiringRateHook', **hook), dict(type='PretrainedNoticeHook')],
        experiment_name=f'{folder.parent.name}_{folder.name}',
    )

"""A training of one linear layer on a few ones, for what reads and writes checkpoints."""

from __future__ import annotations

from pathlib import Path

import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn


class ToyModel(BaseModel):
    def __init__(self, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.linear = nn.Linear(2, 2)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        out = self.linear(torch.stack(inputs))
        return dict(loss=out.sum()) if mode == 'loss' else out


def toy_runner(work_dir: Path, **kwargs) -> Runner:
    data = [dict(inputs=torch.ones(2)) for _ in range(4)]
    return Runner(
        model=ToyModel(),
        work_dir=str(work_dir),
        train_dataloader=dict(
            dataset=data, batch_size=2, sampler=dict(type='DefaultSampler', shuffle=True)
        ),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=0.1)),
        param_scheduler=dict(type='LinearLR', start_factor=0.5, end=4),
        train_cfg=dict(by_epoch=True, max_epochs=2),
        experiment_name=f'{work_dir.parent.name}_{work_dir.name}_{len(kwargs)}',
        **kwargs,
    )

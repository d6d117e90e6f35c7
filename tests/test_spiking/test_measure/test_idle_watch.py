"""Layers that are silent, or full, in a whole validation, of which few batches are counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

import mmsfa.engine  # noqa: F401  registers
from mmsfa.neurons import SFA


class Neurons(BaseModel):
    """Two neurons that see each picture, moved by an offset."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = SFA(D=4), SFA(D=4)
        self.weight = nn.Parameter(torch.ones(()))
        self.hooked: list[tuple[bool, bool]] = []

    def forward(self, inputs, data_samples=None, mode='tensor'):
        self.hooked.append((bool(self.low._forward_hooks), bool(self.high._forward_hooks)))
        x = torch.stack(inputs) * self.weight
        return list(self.low(x) + self.high(x + 9))


class Nothing(BaseMetric):
    def process(self, data_batch, data_samples) -> None:
        self.results.append(None)

    def compute_metrics(self, results: list) -> dict:
        return {}


@pytest.mark.parametrize(
    ('values', 'named', 'watched'),
    [
        # the first and fifth batch are counted; `high` is full unless it sees less than -5
        ([0, 0, 0, 0, 0, 0], 'always fire D: high', [True] * 6),
        ([0, 0, 2, 0, 0, 0], 'always fire D: high', [True] * 3 + [False, True, False]),
        ([2, 0, 0, 0, 0, 0], 'always fire D: high', [True] * 6),
        ([0, -8, 2, 0, 0, 0], None, [True] * 3 + [False, True, False]),
    ],
)
def test_idle_layers_are_judged_by_the_whole_validation(
    tmp_path: Path, values: list[float], named: str | None, watched: list[bool]
) -> None:
    run = Runner(
        model=Neurons(),
        work_dir=str(tmp_path),
        val_dataloader=dict(
            dataset=[dict(inputs=torch.full((2,), float(value))) for value in values],
            batch_size=1,
            sampler=dict(type='DefaultSampler', shuffle=False),
        ),
        val_cfg=dict(),
        val_evaluator=Evaluator(Nothing()),
        custom_hooks=[dict(type='FiringRateHook', interval=4)],
        experiment_name=tmp_path.name,
    )
    run.val()
    (log,) = tmp_path.glob('*/*.log')
    found = re.findall(r'Of 2 neuron layers (.*)\. They', log.read_text())
    expected = ['1 never fire: low'] * (max(values) <= 0) + [f'1 {named}'] * (named is not None)
    assert found == ['; '.join(expected)] * bool(expected)
    assert [low for low, _ in run.model.hooked] == watched

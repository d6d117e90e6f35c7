"""Annealed quantisers follow the training, every one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from torch import nn

from mmsfa.compression.quantization import BinaryQuantizer, quantize
from mmsfa.compression.quantization.binary import annealed_sharpness
from tests.helpers.toy_training import toy_runner

ANNEALED = dict(type='mmpretrain.BinaryQuantizer', gradient='anneal')


class Watch(Hook):
    """Notes the sharpness in each iteration."""

    priority = 'VERY_LOW'

    def __init__(self) -> None:
        self.seen: list[set[float]] = []

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        quantizers = [m for m in runner.model.modules() if isinstance(m, BinaryQuantizer)]
        assert len(quantizers) == 2
        self.seen.append({quantizer.t for quantizer in quantizers})


def train(folder: Path, **settings: Any) -> list[float]:
    watch = Watch()
    hook = dict(type='QuantizationAnnealHook', by_epoch=settings.pop('by_epoch', True))
    runner = toy_runner(folder, custom_hooks=[hook, watch], **settings)
    runner.model.shortcut = nn.Sequential(nn.Linear(2, 2))
    quantize(runner.model, dict(default=ANNEALED, stem=ANNEALED))
    runner.train()
    assert all(len(one) == 1 for one in watch.seen), 'one value everywhere'
    return [value for one in watch.seen for value in one]


@pytest.mark.parametrize(
    ('by_epoch', 'shares'), [(True, [0, 0, 1 / 2, 1 / 2]), (False, [0, 1 / 4, 1 / 2, 3 / 4])]
)
def test_it_follows_epochs_or_iterations(
    tmp_path: Path, by_epoch: bool, shares: list[float]
) -> None:
    found = train(tmp_path, by_epoch=by_epoch)
    assert found == pytest.approx([annealed_sharpness(share)[0] for share in shares])


def test_a_resumed_training_goes_on_with_the_same_values(tmp_path: Path) -> None:
    whole = train(tmp_path, default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1)))
    path = str(tmp_path / 'epoch_1.pth')
    assert train(tmp_path, load_from=path, resume=True) == whole[2:]


def test_without_annealed_quantisers_it_does_nothing(tmp_path: Path) -> None:
    runner = toy_runner(tmp_path, custom_hooks=[dict(type='QuantizationAnnealHook')])
    runner.train()
    assert torch.isfinite(runner.model.linear.weight).all()

"""Validation and test on spikes in real runs of a toy model, with FiringRateHook beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from torch import nn

from mmsfa.engine import SpikeInferenceHook
from tests.helpers.spiking_runs import IMAGES, ConvNet, Net, runner


@pytest.mark.parametrize('mode', ['spikes', 'integer'])
def test_validation_and_test_run_on_spikes(tmp_path: Path, mode: str) -> None:
    plain = runner(tmp_path / 'plain', ConvNet()).test()
    run = runner(tmp_path / mode, ConvNet())
    run.register_hook(SpikeInferenceHook(mode))
    layer = run.model.backbone.stages[2]
    replaced = []
    layer.register_forward_hook(lambda *_: replaced.append('forward' in vars(layer)))
    run.train()
    assert replaced == [False] * 4 + [mode == 'spikes'] * 4  # training, then validation
    assert run.test() == pytest.approx(plain)
    assert 'forward' not in vars(layer)
    with pytest.raises(ValueError, match="got 'binary'"):
        SpikeInferenceHook('binary')


class Interrupted(Hook):
    """Stops a validation in the middle, as Ctrl-C does."""

    priority = 'LOWEST'

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        raise KeyboardInterrupt


def test_nothing_is_left_after_an_interrupted_validation(tmp_path: Path) -> None:
    run = runner(tmp_path / 'run', ConvNet())
    run.register_hook(SpikeInferenceHook())
    run.register_hook(Interrupted())
    with pytest.raises(KeyboardInterrupt):
        run.val()
    run._hooks = [hook for hook in run.hooks if not isinstance(hook, Interrupted)]
    layer = run.model.backbone.stages[2]
    assert 'forward' in vars(layer)
    run.call_hook('before_train')
    assert 'forward' not in vars(layer) and not layer._forward_hooks


def test_both_hooks_work_together_on_attention(tmp_path: Path) -> None:
    """The approximation must hold for every picture, counted or not."""
    from mmsfa.layers import SpikeDrivenSelfAttention

    cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=dict(type='mmpretrain.SFA'))
    model = Net()
    torch.manual_seed(0)
    attention = SpikeDrivenSelfAttention(8, **cfg)
    model.backbone.stages = nn.ModuleList([attention])
    seen = []
    model.forward = lambda inputs, data_samples=None, mode='tensor': list(
        attention(torch.stack(inputs).sum(1)[:, None, None, None].expand(-1, 8, 4, 4) / 3)
    )
    attention.product.register_forward_hook(lambda m, *_: seen.append('forward' in vars(m)))
    run = runner(tmp_path / 'run', model)
    run.register_hook(SpikeInferenceHook('stepwise_attention'))
    metrics = run.test()
    assert seen == [True] * len(IMAGES) and 'forward' not in vars(attention.product)
    assert 'energy_mj/total' in metrics

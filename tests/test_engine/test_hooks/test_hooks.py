"""The hooks in real runs of a toy model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmsfa.engine import FiringRateHook, PretrainedNoticeHook, SpikeInferenceHook
from mmsfa.neurons import SFA


class Count(BaseMetric):
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


# Four images in four batches; of each, what fires with D = 4 and with D = 2:
IMAGES = [[0.0, 1.0], [3.0, 4.0], [9.0, -1.0], [2.0, 2.0]]
EMITTED = {'stage': [1, 7, 4, 4], 'neck': [1, 4, 2, 4]}


def runner(folder: Path, model: nn.Module, logger: str = 'LoggerHook', **hook) -> Runner:
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


def test_rates_equal_a_count_by_hand_and_reach_the_json(tmp_path: Path) -> None:
    run = runner(tmp_path / 'run', Net())
    metrics = run.test()
    stage, neck = sum(EMITTED['stage']), sum(EMITTED['neck'])
    expected = {
        'firing_rate/mean': (stage + neck) / (8 * 4 + 8 * 2),
        'firing_rate/backbone.stages.0': stage / 32,
        'firing_rate/neck': neck / 16,
    }
    assert {key: metrics[key] for key in expected} == pytest.approx(expected)
    (written,) = (tmp_path / 'run').glob('*/*.json')
    written = json.loads(written.read_text())
    assert written['count'] == 4
    assert {key: written[key] for key in expected} == pytest.approx(expected)


def test_interval_thins_a_validation_and_not_a_test(tmp_path: Path) -> None:
    run = runner(tmp_path / 'run', Net(), interval=2, per_layer=True)
    metrics = run.val()
    seen = EMITTED['stage'][::2]
    assert metrics['firing_rate/backbone.stages.0'] == pytest.approx(sum(seen) / (2 * 8))
    assert run.test()['firing_rate/neck'] == pytest.approx(sum(EMITTED['neck']) / 16)


def test_training_logs_the_rates_of_each_validation(tmp_path: Path) -> None:
    run = runner(tmp_path / 'run', Net())
    run.train()
    (log,) = (tmp_path / 'run').glob('*/vis_data/scalars.json')
    last = json.loads(log.read_text().splitlines()[-1])
    assert last['firing_rate/neck'] == pytest.approx(sum(EMITTED['neck']) / 16)
    assert not run.model.neck._forward_hooks


def test_a_model_without_neurons_gets_no_rates(tmp_path: Path) -> None:
    metrics = runner(tmp_path / 'run', Net(spiking=False)).test()
    assert metrics == dict(count=4)


def test_a_wrong_interval_is_named() -> None:
    with pytest.raises(ValueError, match='interval must be an integer >= 1'):
        FiringRateHook(interval=0)


@pytest.mark.parametrize(
    ('init_cfg', 'load_from', 'expected'),
    [
        (None, None, None),
        (dict(type='Kaiming', layer='Conv2d'), None, None),
        (dict(type='Pretrained', checkpoint='a.pth'), None, 'a.pth'),
        ([dict(type='Pretrained', checkpoint='a.pth')], None, 'a.pth'),
        (None, 'b.pth', 'load_from=b.pth'),
    ],
)
def test_the_notice_says_where_weights_come_from(
    tmp_path: Path, init_cfg: object, load_from: str | None, expected: str | None
) -> None:
    model = Net()
    model.backbone.init_cfg = init_cfg
    run = runner(tmp_path / 'run', model)
    run._load_from = load_from
    hook = PretrainedNoticeHook()
    source = hook._source(run, model.backbone)
    assert source is None if expected is None else expected in source


def test_scratch_is_said_once(tmp_path: Path) -> None:
    runner(tmp_path / 'run', Net()).train()
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert log.read_text().count('Training starts from scratch') == 1


@pytest.mark.parametrize('is_main', [True, False])
def test_one_process_writes_the_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_main: bool
) -> None:
    where = 'mmsfa.engine.hooks.main_process_logger_hook.is_main_process'
    monkeypatch.setattr(where, lambda: is_main)
    run = runner(tmp_path / 'run', Net(), logger='MainProcessLoggerHook')
    run.test()
    assert len(list((tmp_path / 'run').glob('*/*.json'))) == is_main


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


def test_energies_equal_a_count_by_hand(tmp_path: Path) -> None:
    run = runner(tmp_path / 'run', ConvNet(), ac_pj=2.0, mac_pj=10.0)
    spikes = []
    run.model.backbone.stages[1].register_forward_hook(
        lambda neuron, inputs, output: spikes.append(output.sum().item() * 4)
    )
    metrics = run.test()
    # a picture has 2 x 3 multiply-accumulates in the first layer; a spike reaches five outputs
    first, second = 10.0 * 2 * 3 * 1e-9, 2.0 * sum(spikes) / len(IMAGES) * 5 * 1e-9
    assert metrics['energy_mj/backbone.stages.0'] == pytest.approx(first)
    assert metrics['energy_mj/backbone.stages.2'] == pytest.approx(second) and second > 0
    assert metrics['energy_mj/total'] == pytest.approx(first + second)


def test_energy_can_be_left_out_and_costs_are_checked(tmp_path: Path) -> None:
    metrics = runner(tmp_path / 'run', ConvNet(), energy=False).test()
    assert 'firing_rate/mean' in metrics and not any('energy' in key for key in metrics)
    with pytest.raises(ValueError, match='must be >= 0 pJ'):
        FiringRateHook(ac_pj=-1)


@pytest.mark.parametrize(
    ('bias', 'named'), [(-1e3, 'never fire: neck'), (1e3, 'always fire D: neck'), (0.5, None)]
)
def test_idle_layers_are_named_once(tmp_path: Path, bias: float, named: str | None) -> None:
    run = runner(tmp_path / 'run', ConvNet(bias))
    run.train()  # validates once
    run.val()
    (log,) = (tmp_path / 'run').glob('*/*.log')
    text = log.read_text()
    assert text.count('hand on no information') == (named is not None)
    run.model.backbone.stages[0].weight.data.fill_(-1e3)  # another one dies
    run.val()
    assert 'never fire: backbone.stages.1' in log.read_text()
    assert named is None or f'Of 2 neuron layers 1 {named}' in text


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

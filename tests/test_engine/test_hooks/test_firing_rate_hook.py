"""Rates and energies in real runs of a toy model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmsfa.engine import FiringRateHook
from tests.helpers.spiking_runs import IMAGES, ConvNet, Net, runner

# What fires of each picture with D = 4 and with D = 2:
EMITTED = {'stage': [1, 7, 4, 4], 'neck': [1, 4, 2, 4]}


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

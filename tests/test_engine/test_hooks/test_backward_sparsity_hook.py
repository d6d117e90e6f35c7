"""The log of a training tells its gradients and the energy of a step; it learns the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner

from mmsfa.engine import BackwardSparsityHook
from tests.helpers.spiking_runs import IMAGES, ConvNet, Net, runner


def run(folder: Path, model: torch.nn.Module, **hook: float) -> Runner:
    made = runner(folder, model)
    made.register_hook(BackwardSparsityHook(**hook))
    return made


def scalars(folder: Path) -> list[dict]:
    (log,) = folder.glob('*/vis_data/scalars.json')
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_each_layer_and_the_energy_reach_the_log(tmp_path: Path) -> None:
    model = ConvNet()
    run(tmp_path / 'run', model, interval=2, mac_pj=10.0, ac_pj=2.0).train()
    written = scalars(tmp_path / 'run')
    layers = [line for line in written if 'backward/nonzero/neck' in line]
    assert [line['step'] for line in layers] == [1, 3]
    image = torch.tensor([IMAGES[2]])
    first, neuron, second = model.backbone.stages
    at_second = second(neuron(first(image)))
    passes = ((at_second >= 0) & (at_second <= 4)).double().mean().item()
    assert layers[1]['backward/nonzero/neck'] == pytest.approx(passes)
    assert layers[1]['backward/nonzero/backbone.stages.2'] == pytest.approx(passes)
    (whole,) = (line for line in written if 'backward/step_mj' in line)
    # a picture has 2 x 3 MACs in the first layer and 3 x 5 in the second
    assert whole['backward/dense_step_mj'] == pytest.approx(10.0 * (3 * 6 + 3 * 15) * 1e-9)
    assert 0 < whole['backward/step_mj'] < whole['backward/dense_step_mj']
    assert 0 <= whole['backward/nonzero'] <= 1
    assert not model.neck._forward_pre_hooks and not second._forward_hooks


def test_weights_learn_the_same(tmp_path: Path) -> None:
    learnt = []
    for name, interval in (('seen', 1), ('not', 1000)):
        model = ConvNet()
        made = run(tmp_path / name, model, interval=interval)
        made.optim_wrapper['optimizer']['lr'] = 0.1
        made.train()
        learnt.append(model.state_dict())
    assert all(torch.equal(value, learnt[1][key]) for key, value in learnt[0].items())


def test_a_model_whose_hooks_are_not_called_is_named_once(tmp_path: Path) -> None:
    class Mute(Net):
        def forward(self, inputs, data_samples=None, mode='tensor'):
            out = torch.stack(inputs) * self.weight
            return dict(loss=out.sum()) if mode == 'loss' else list(out)

    run(tmp_path / 'run', Mute(), interval=1).train()
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert log.read_text().count('BackwardSparsityHook has seen no gradient') == 1


def test_settings_out_of_range() -> None:
    with pytest.raises(ValueError, match='interval must be an integer >= 1'):
        BackwardSparsityHook(interval=0)
    with pytest.raises(ValueError, match='must be >= 0 pJ'):
        BackwardSparsityHook(ac_pj=-1)

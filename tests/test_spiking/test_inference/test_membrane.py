"""Step-by-step simulation: what each neuron keeps, and what waits for its whole charge."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsfa.layers import SpikeConv
from mmsfa.neurons import LIF, SFA
from mmsfa.spiking import spike_inference
from mmsfa.spiking.inference.membrane import MembranePasses
from mmsfa.spiking.measure.observer import neurons_of
from tests.helpers.real_time_models import Fill, backbone, counts_of


def test_membrane_passes_keep_one_state_a_call() -> None:
    """Pyramid levels share a head: each call of a neuron has its own potential."""

    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = SpikeConv(1, 1, 1, neuron_cfg=dict(type='mmpretrain.SFA'), norm_cfg=None)

        def forward(self, x: Tensor) -> list[Tensor]:
            return [self.layer(x), self.layer(F.avg_pool2d(x, 2))]

    head = Head().double().eval()
    x = torch.rand(1, 1, 8, 8, dtype=torch.float64) * 5
    plain = counts_of(head, x)['layer.activate']
    with spike_inference(head, 'membrane'):
        steps = counts_of(head, x)['layer.activate']
    # only the last pass is observed
    assert all(torch.equal(a, b) for a, b in zip(plain, steps, strict=True))


def test_membrane_mode_refuses_what_it_does_not_simulate(lively_weights: Fill) -> None:
    model = nn.Sequential(LIF(), nn.Linear(4, 4)).eval()
    with pytest.raises(
        ValueError, match="simulates SFA neurons, and 0 is a LIF: use mode='spikes'"
    ):
        spike_inference(model, 'membrane').__enter__()
    timed = backbone(lively_weights, 'sfa')
    with pytest.raises(ValueError, match='has T = 4 real time steps'):
        spike_inference(timed, 'membrane').__enter__()


def test_inhibition_that_comes_later_takes_no_spike_back() -> None:
    """The second neuron is excited at once, and inhibited by one that fires in step 2."""

    class Race(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.slow, self.last = SFA(D=4, norm=1), SFA(D=4, norm=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(2 * x - 2 * self.slow(x))

    model, x = Race().eval(), torch.tensor([[1.0]], dtype=torch.float64)
    assert model(x).item() == 0
    with spike_inference(model, 'membrane'):
        # its charge is 0.5, which is a spike, then 1 - 2, 1.5 - 2 and 2 - 2
        assert model(x).item() == 1
    assert model(x).item() == 0 and 'forward' not in vars(model)


def test_a_model_runs_as_many_steps_as_its_finest_neuron_has() -> None:
    model = nn.ModuleDict(
        dict(backbone=SFA(D=2), roi_head=nn.ModuleDict(dict(bbox_head=SFA(D=8)))),
    )
    passes = MembranePasses(model, neurons_of(model))
    assert list(passes.neurons) == ['backbone'], 'those behind the proposals wait'
    assert passes.steps == 8

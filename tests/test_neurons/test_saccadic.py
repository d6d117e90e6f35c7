"""The saccadic neuron: its mix over time, its stream, its decoupled rule."""

from __future__ import annotations

import pytest
import torch
from mmengine.registry import MODELS
from torch import Tensor

from mmsfa.neurons import SaccadicNeuron
from mmsfa.neurons.functional import initial_mix
from mmsfa.neurons.learnt_steps import LearntStepsError
from mmsfa.neurons.saccadic import DecoupledRuleError

T = 4


def neuron(mix: Tensor | None = None, **settings) -> SaccadicNeuron:
    made = SaccadicNeuron(T, **{'threshold': 3.0, **settings}).double().eval()
    if mix is not None:
        with torch.no_grad():
            made.mix.copy_(mix)
    return made


def inputs(number: int = 50) -> Tensor:
    return torch.poisson(torch.full((T * 2, number), 3.0, dtype=torch.float64))


def steps_of(made: SaccadicNeuron, x: Tensor) -> Tensor:
    spikes, kept = [], None
    for step in x.chunk(T):
        out, kept = made.fire_one_step(step, kept)
        spikes.append(out)
    return torch.cat(spikes)


def test_the_identity_is_a_threshold_without_memory() -> None:
    x = inputs()
    assert torch.equal(neuron(torch.eye(T))(x), (x >= 3).double())


def test_powers_are_a_leaky_integrator_without_reset() -> None:
    """c4, with a threshold for each step."""
    x = inputs()
    made = neuron(initial_mix(T, 0.5), threshold=5.0)
    with torch.no_grad():
        made.threshold.add_(torch.arange(T))
    membrane, expected = 0, []
    for t, step in enumerate(x.chunk(T)):
        membrane = 0.5 * membrane + step
        expected.append((membrane >= 5.0 + t).double())
    assert torch.equal(made(x), torch.cat(expected))


@pytest.mark.parametrize('optimizer', [torch.optim.SGD, torch.optim.AdamW])
def test_what_comes_later_changes_nothing(optimizer: type[torch.optim.Optimizer]) -> None:
    """c5: not the spikes of the steps before, and not by training."""
    made = neuron().train()
    x, later = inputs(), inputs()
    later[: T // 2 * 2] = x[: T // 2 * 2]
    assert torch.equal(made(x)[: T // 2 * 2], made(later)[: T // 2 * 2])
    settings = dict(momentum=0.9) if optimizer is torch.optim.SGD else {}
    learning = optimizer(made.parameters(), lr=1e-3, weight_decay=0.1, **settings)
    before = made.mix.detach().clone()
    for _ in range(3):
        learning.zero_grad()
        (made(x) * torch.randn_like(x)).sum().backward()
        assert not made.mix.grad.triu(1).any() and made.mix.grad[torch.ones(T, T).tril() == 1].all()
        assert made.threshold.grad.all()
        learning.step()
    assert not made.mix.triu(1).any()
    assert (made.mix != before).tril().sum() == T * (T + 1) // 2


@pytest.mark.parametrize('temporal', ['causal', 'decoupled'])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_step_by_step_gives_the_same_bits(dtype: torch.dtype, temporal: str) -> None:
    """c6, of real numbers whose sums depend on the order."""
    made = neuron(
        torch.eye(T) + 0.3 * torch.rand(T, T).tril(), temporal=temporal, scaled=True, unit=1.7
    )
    with torch.no_grad():
        made.threshold.fill_(1.5)
    made = made.to(dtype)
    x = (3 * torch.rand(T * 64, 200)).to(dtype)
    whole = made(x)
    assert torch.equal(steps_of(made, x), whole) and 0.1 < whole.mean() < 0.9
    assert torch.equal(made.distance(x.unflatten(0, (T, -1)))[:2], made.distance(
        torch.stack([*x.chunk(T)[:2], *2 * [torch.zeros(64, 200, dtype=dtype)]]))[:2]
    )  # fmt: skip


def test_a_stream_that_is_too_long() -> None:
    made, kept = neuron(), None
    for _ in range(T):
        _, kept = made.fire_one_step(torch.zeros(2, 3).double(), kept)
    with pytest.raises(LearntStepsError, match='for 4 time steps, and the stream goes on to step'):
        made.fire_one_step(torch.zeros(2, 3).double(), kept)


def test_the_decoupled_rule_tells_how_often_it_agrees() -> None:
    """c7: always with a positive diagonal, not with a leak, and never in training."""
    x = inputs(2000)
    for mix, low, high in (
        (torch.diag(torch.tensor([1.0, 1.5, 2.0, 2.5])), 1.0, 1.0),
        (initial_mix(T, 0.5), 0.8, 0.96),
    ):
        made = neuron(mix, temporal='decoupled', threshold=4.0)
        assert made.agreement is None
        spikes = made(x)
        same = (spikes == neuron(mix, threshold=4.0)(x)).double().mean().item()
        assert made.agreement == same and low <= same <= high
        assert torch.equal(made.train()(x), neuron(mix, threshold=4.0)(x))
    with pytest.raises(DecoupledRuleError, match='zeros on its diagonal'):
        neuron(torch.zeros(T, T), temporal='decoupled')(x)


def test_weights_without_a_future_and_of_the_same_steps() -> None:
    made = neuron()
    state = dict(made.state_dict(), mix=torch.ones(T, T))
    made.load_state_dict(state)
    assert torch.equal(made.mix, torch.ones(T, T).double().tril())
    with pytest.raises(LearntStepsError, match=r'mix for T = 4 .* has T = 2: set T=4'):
        SaccadicNeuron(2).load_state_dict(state)
    with pytest.warns(UserWarning, match=r'unit=1\.0.*unit=2\.0'):
        neuron(unit=2.0).load_state_dict(made.state_dict())


def test_units_and_alpha_scale_the_threshold() -> None:
    x = inputs()
    assert torch.equal(neuron(unit=2.0, threshold=2.0)(x), neuron(threshold=4.0)(x))
    scaled = neuron(scaled=True, threshold=8.0)
    with torch.no_grad():
        scaled.log_alpha.fill_(torch.tensor(2.0).log())
    torch.testing.assert_close(
        scaled.thresholds(), torch.full((T,), 4.0).double(), rtol=1e-6, atol=0
    )


def test_it_begins_near_the_identity() -> None:
    made = SaccadicNeuron(3)
    torch.testing.assert_close(
        made.mix.detach(), torch.tensor([[1, 0, 0], [0.1, 1, 0], [0.01, 0.1, 1]])
    )
    assert torch.equal(SaccadicNeuron(3, past=0).mix, torch.eye(3))


def test_it_is_registered_and_refuses_bad_settings() -> None:
    made = MODELS.build(dict(type='mmpretrain.SaccadicNeuron', T=2, inplace=True))
    assert made.settings() == dict(neuron='SaccadicNeuron', D=1, norm=1, T=2, unit=1.0)
    for message, settings in {
        'threshold must be a number > 0, got 0': dict(threshold=0),
        'unit must be a number > 0, got inf': dict(unit=float('inf')),
        'past .* must lie in': dict(past=-1),
        'T .the number of real time steps': dict(T=0),
        "temporal must be 'causal' or": dict(temporal='fast'),
        'surrogate must be one of': dict(surrogate='line'),
    }.items():
        with pytest.raises(ValueError, match=message):
            SaccadicNeuron(**settings)
    with pytest.raises(ValueError, match='must be a multiple of T=2, got 3'):
        made(torch.ones(3, 3))
    with pytest.raises(TypeError, match='floating-point'):
        made(torch.ones(2, 3, dtype=torch.int64))

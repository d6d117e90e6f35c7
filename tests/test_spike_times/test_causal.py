"""The closed form: against the kit, a simulation and finite differences, and what must not be."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mmsfa.spike_times import SpikeTimeError, causal, first_spike_times
from tests.helpers.seeds import seeds

CASES = ['plain_small', 'plain_wide', 'falling_b1', 'falling_b0.5', 'mostly_silent', 'edges']


def draw(rows: int, inputs: int, neurons: int, mean: float = 0.1) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    t = torch.rand(rows, inputs, generator=g, dtype=torch.float64)
    t[torch.rand(rows, inputs, generator=g) < 0.15] = inf
    weight = mean + 0.5 * torch.randn(neurons, inputs, generator=g, dtype=torch.float64)
    return t.requires_grad_(), weight.requires_grad_()


def causal_sets(t: Tensor, found: Tensor) -> Tensor:
    return (t[:, None] < found[..., None]) & found.isfinite()[..., None]


def adapter(inputs: dict, config: dict, state: None) -> dict[str, Any]:
    t, weight = (torch.tensor(inputs[n], requires_grad=True) for n in ('t_in', 'weight'))
    found = first_spike_times(t, weight, **config)
    fired = found.isfinite()
    loss = (torch.where(fired, found, 0) * torch.tensor(inputs['probe:t_out'])).mean()
    grads = torch.autograd.grad(loss, (t, weight))
    sets = causal_sets(t, found)
    slope = torch.where(fired, (sets * weight).sum(-1) + config['beta'], 0)
    return {
        't_out': found,
        'fired': fired,
        'n_causal': sets.sum(-1),
        'slope': slope,
        'grad:t_in': grads[0],
        'grad:weight': grads[1],
    }


@pytest.mark.parametrize('name', CASES)
def test_case(name: str, shared_dir: Path) -> None:
    seeds(shared_dir).Case(f'relpsp/{name}').check(adapter)


def test_every_case_is_tried(shared_dir: Path) -> None:
    assert set(seeds(shared_dir).names('relpsp/')) == {f'relpsp/{name}' for name in CASES}


@pytest.mark.parametrize('beta', [0.0, 0.5])
def test_it_is_the_first_crossing_of_a_simulation(beta: float) -> None:
    t, weight = draw(50, 20, 7)
    found = first_spike_times(t, weight, 1.0, beta, t_max=3.0).detach()
    clock = torch.arange(0, 3, 1e-3, dtype=torch.float64)
    ramps = (clock[:, None, None] - t.detach()).clamp(min=0)  # (steps, B, inputs)
    over = ramps @ weight.detach().t() >= (1 - beta * clock)[:, None, None]
    simulated = torch.where(over.any(0), clock[over.to(torch.uint8).argmax(0)], inf)
    late = found.isfinite() & (found > 3 - 1e-3)  # between the last two steps
    assert ((simulated < inf) | late).equal(found < inf) and (found < inf).sum() > 100
    both = (simulated < inf) & (found < inf)
    assert (simulated - found)[both].abs().max() < 1.1e-3


def test_gradients_are_those_of_finite_differences() -> None:
    t, weight = draw(4, 6, 5)
    fired = first_spike_times(t, weight, 1.0, 0.5).isfinite()
    assert 0 < fired.sum() < fired.numel() or fired.all()

    def of(t: Tensor, weight: Tensor) -> Tensor:
        return first_spike_times(t, weight, 1.0, 0.5)[fired]

    finite = torch.where(t.isinf(), 9.0, t).detach().requires_grad_()  # later than every spike
    assert torch.autograd.gradcheck(of, (finite, weight))


def test_identities() -> None:
    t, weight = draw(20, 12, 9)
    found = first_spike_times(t, weight)
    shifted = first_spike_times(t + 0.5, weight)
    order = torch.randperm(12)
    for other in (
        shifted - 0.5,
        first_spike_times(t, 3 * weight, theta0=3),
        first_spike_times(t[:, order], weight[:, order]),
    ):
        assert torch.allclose(found, other, atol=1e-13, rtol=1e-11)
    (grad,) = torch.autograd.grad(found[found.isfinite()].sum(), t)
    assert float(grad.sum()) == pytest.approx(int(found.isfinite().sum()))  # of each neuron 1
    alone = first_spike_times(torch.tensor([[0.25]]), torch.tensor([[0.5]]))
    assert alone.item() == 2.25


def test_groups_of_rows_change_nothing(monkeypatch) -> None:
    t, weight = draw(9, 6, 5)
    results = []
    for group in (causal.GROUP, 60):
        monkeypatch.setattr(causal, 'GROUP', group)
        found = first_spike_times(t, weight)
        grads = torch.autograd.grad(found[found.isfinite()].sum(), (t, weight))
        results.append([found, *grads])
    for one, other in zip(*results, strict=True):
        assert torch.allclose(one, other, atol=1e-14)


def test_times_of_a_layer_under_autocast_are_taken() -> None:
    t, weight = torch.rand(4, 6).bfloat16().requires_grad_(), torch.rand(5, 6, requires_grad=True)
    found = first_spike_times(t, weight)
    grads = torch.autograd.grad(found.sum(), (t, weight))
    assert [part.dtype for part in (found, *grads)] == [weight.dtype, t.dtype, weight.dtype]


def test_silent_neurons_are_inf_and_learn_nothing() -> None:
    t = torch.tensor([[0.1, inf, 0.3], [inf, inf, inf]], requires_grad=True)
    weight = torch.tensor([[-1.0, 2.0, -1.0], [0.0, 0.0, 0.0]], requires_grad=True)
    found = first_spike_times(t, weight)
    assert found.isinf().all()
    for grad in torch.autograd.grad(found, (t, weight), torch.ones_like(found)):
        assert torch.equal(grad, torch.zeros_like(grad))


def test_more_weight_is_never_later() -> None:
    t, weight = draw(50, 12, 20)
    found = first_spike_times(t, weight)
    heavier = first_spike_times(t, weight + 0.1)
    assert (heavier <= found).all() and (heavier < found).any()


# --- the threshold that falls


def test_neurons_without_a_positive_sum_fire_all_the_same() -> None:
    t, weight = draw(20, 12, 40, mean=-0.1)
    weight = weight.detach()[weight.sum(1) <= 0]
    shares = [float((first_spike_times(t, weight, 1.0, beta, 2.0) < inf).double().mean())
              for beta in (0.0, 0.5, 1.0, 2.0)]  # fmt: skip
    assert shares == sorted(shares) and shares[0] < 0.5 < shares[-1]
    late = first_spike_times(torch.zeros(1, 1), -torch.ones(1, 1), 1.0, 2.0)
    assert late.item() == 1  # a ramp downwards, which the threshold overtakes


@pytest.mark.parametrize('beta', [0.0, 1.0])
def test_no_gradient_is_reversed(beta: float) -> None:
    t, weight = draw(40, 20, 10, mean=0.05)
    found = first_spike_times(t, weight, 1.0, beta)
    sets = causal_sets(t, found)
    assert sets.sum() > 2000
    for row in range(len(t)):
        for j in found[row].isfinite().nonzero().flatten():
            of_t, of_w = torch.autograd.grad(found[row, j], (t, weight), retain_graph=True)
            inside = sets[row, j]
            assert (of_t[row] * weight[j])[inside].min() >= 0
            assert of_w[j][inside].max() <= 0 and not of_t[row][~inside].any()


def test_an_alpha_kernel_reverses_many() -> None:
    """Its kernel falls again: dt_j/dt_i has the sign of w_ji K'(t_j - t_i), where V' > 0."""
    t, weight = (part.detach().numpy() for part in draw(40, 20, 10, mean=0.05))
    tau, reversed_, pairs = 0.25, 0, 0
    clock = np.arange(0, 3, 1e-3)
    for at in t:
        past = np.maximum(clock[:, None] - np.where(np.isinf(at), 99, at), 0) / tau
        over = (past * np.exp(1 - past)) @ weight.T >= 1  # (steps, neurons)
        for j in np.flatnonzero(over.any(0)):
            seen = past[over[:, j].argmax()]
            pairs += int((seen > 0).sum())
            reversed_ += int((seen > 1).sum())
    assert pairs > 1000 and 0.3 < reversed_ / pairs < 0.6


@pytest.mark.parametrize(('t', 'weight', 'settings', 'words'), [
    (-torch.ones(1, 2), torch.ones(3, 2), {}, '0 or later, and inf for silent ones, got -1'),
    (torch.full((1, 2), float('nan')), torch.ones(3, 2), {}, 'got nan'),
    (torch.ones(1, 2, dtype=torch.int64), torch.ones(3, 2), {}, 'floating type'),
    (torch.ones(1, 2), torch.ones(3, 4), {}, r'got \(1, 2\) and \(3, 4\)'),
    (torch.ones(1, 2), torch.ones(3, 2), dict(theta0=0), 'theta0=0'),
    (torch.ones(1, 2), torch.ones(3, 2), dict(beta=-1), 'beta=-1'),
])  # fmt: skip
def test_bad_input_is_named(t, weight, settings, words) -> None:
    with pytest.raises(SpikeTimeError, match=words):
        first_spike_times(t, weight, **settings)

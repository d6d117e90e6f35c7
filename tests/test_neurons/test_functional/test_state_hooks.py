"""Variants of the binary neuron: threshold, stored state, gradient mask."""

import pytest
import torch

from mmsfa.neurons import IF, LIF
from mmsfa.neurons.functional import StateHooks, hooked_fire_over_time

T = 4


@pytest.fixture
def x() -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.randn(T * 3, 5, dtype=torch.float64, generator=draw) * 2


def fired(neuron, x):
    """Spikes, and the gradient of a weighted sum of them."""
    x = x.clone().requires_grad_()
    spikes = neuron(x)
    (spikes * torch.linspace(-1, 2, spikes.numel()).view_as(spikes)).sum().backward()
    return spikes.detach(), x.grad


@pytest.mark.parametrize('neuron', [IF(T), LIF(T, v_reset=None), LIF(T, detach_reset=True)])
def test_no_hook_is_the_neuron_itself(neuron, x):
    spikes, grad = fired(neuron, x)
    backward = neuron.surrogate, neuron.alpha, neuron.detach_reset
    settings = T, neuron.dynamics, StateHooks()
    same, same_grad = fired(lambda x: hooked_fire_over_time(x, *settings, *backward), x)
    assert torch.equal(spikes, same) and 0 < spikes.mean() < 1
    assert torch.allclose(grad, same_grad, atol=1e-14)


def test_a_stored_state_is_what_the_next_step_starts_from(x):
    neuron = IF(T)
    neuron.hooks = StateHooks(store=lambda v: v * 0)
    assert torch.equal(neuron(x), IF(1)(x))  # each step begins at rest
    grid = LIF(T, decay_input=False, v_reset=None)
    grid.hooks = StateHooks(store=lambda v: (v * 4).round() / 4)
    v, expected = torch.zeros(3, 5, dtype=torch.float64), []
    for current in x.unflatten(0, (T, 3)):
        u = v / 2 + current
        expected.append((u >= 1).double())
        v = ((u - expected[-1]) * 4).round() / 4
    assert torch.equal(grid(x), torch.cat(expected))


def test_a_threshold_may_follow_the_charge(x):
    neuron = IF(T)
    neuron.hooks = StateHooks(threshold=lambda u: u.mean(1, keepdim=True) + u.std(1, keepdim=True))
    first = x[:3]
    bar = first.mean(1, keepdim=True) + first.std(1, keepdim=True)
    assert torch.equal(neuron(x)[:3], (first >= bar).double())


def test_a_mask_lets_gradient_through_spikes_only(x):
    neuron = IF(1)
    neuron.hooks = StateHooks(grad_mask=lambda _u, spikes: spikes)
    spikes, grad = fired(neuron, x)
    _, whole = fired(IF(1), x)
    assert torch.equal(grad, whole * spikes) and not torch.equal(grad, whole)


def test_strict_is_silent_at_the_threshold():
    at = torch.ones(1, 1)
    neuron = IF(1)
    assert neuron(at).item() == 1
    neuron.hooks = StateHooks(strict=True)
    assert neuron(at).item() == 0 and neuron(at + 1e-6).item() == 1


def test_streamed_equals_batched(x):
    neuron = LIF(T)
    neuron.hooks = StateHooks(store=lambda v: v.round(decimals=1), strict=True)
    membrane, steps = None, []
    for current in x.unflatten(0, (T, 3)):
        spikes, membrane = neuron.fire_one_step(current, membrane)
        steps.append(spikes)
    assert torch.equal(torch.cat(steps), neuron(x))


def test_nan_is_no_silence():
    neuron = IF(2)
    neuron.hooks = StateHooks(strict=True)
    out = neuron(torch.tensor([[float('nan')], [3.0]]))
    assert out.isnan().all()

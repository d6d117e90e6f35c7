"""Both rules: the published one in the kit, convolutions against dense layers, what is refused."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from mmsfa.spike_times import ReLPSP, SpikeTimeError, WindowTTFS, first_spike_times
from mmsfa.spike_times.rules import SpikeTimeRule, weighted_sum
from tests.helpers.seeds import seeds

LAYERS = ['dense_a', 'dense_b', 'dense_edges', 'conv_pad1', 'conv_stride2']


def layer(inputs: dict, config: dict, state: None) -> dict[str, Any]:
    t, weight = (torch.tensor(inputs[n], requires_grad=True) for n in ('t_in', 'weight'))
    found = WindowTTFS()(t, weight, **config)
    fires = t.isfinite()
    probed = torch.where(found.isfinite(), found, 0) * torch.tensor(inputs['probe:t_out'])
    grads = torch.autograd.grad(probed.mean(), (t, weight))
    return {
        't_out': found,
        'fired': found.isfinite(),
        'w_sum': weighted_sum(fires.double(), weight, **config),
        'wt_sum': weighted_sum(torch.where(fires, t, 0), weight, **config),
        'grad:t_in': grads[0],
        'grad:weight': grads[1],
    }


def readout(inputs: dict, config: dict, state: None) -> dict[str, Any]:
    t, weight = (torch.tensor(inputs[n], requires_grad=True) for n in ('t_in', 'weight'))
    found = WindowTTFS().potential(t, weight)
    loss = (found * torch.tensor(inputs['probe:logits'])).mean()
    grads = torch.autograd.grad(loss, (t, weight))
    return {'logits': found, 'grad:t_in': grads[0], 'grad:weight': grads[1]}


@pytest.mark.parametrize('name', LAYERS)
def test_case(name: str, shared_dir: Path) -> None:
    seeds(shared_dir).Case(f'ttfs_layers/{name}').check(layer)


def test_readout_of_the_kit(shared_dir: Path) -> None:
    seeds(shared_dir).Case('ttfs_layers/readout').check(readout)


def test_the_window_is_the_causal_rule_behind_all_inputs() -> None:
    t = torch.rand(8, 12, dtype=torch.float64)
    weight = torch.randn(10, 12, dtype=torch.float64) / 3
    window = WindowTTFS()(t, weight)
    causal = first_spike_times(t, weight, theta0=2, beta=1, t_max=2)
    inside = (window > 0) & (window < inf) & (causal > 1)
    assert inside.sum() > 20
    assert torch.allclose(window[inside] + 1, causal[inside], atol=1e-13)


@pytest.mark.parametrize('rule', [ReLPSP(beta=0.5), WindowTTFS()])
@pytest.mark.parametrize(('stride', 'padding'), [(1, 1), (2, 0), (2, 1)])
def test_a_convolution_is_the_dense_layer_of_each_patch(rule, stride, padding) -> None:
    t = torch.rand(2, 3, 7, 6, dtype=torch.float64)
    t[torch.rand_like(t) < 0.3] = inf
    weight = 0.2 + torch.randn(4, 3, 3, 3, dtype=torch.float64) / 3
    found = rule(t, weight, stride, padding)
    padded = F.pad(t, (padding,) * 4, value=inf)
    for y in range(found.shape[2]):
        for x in range(found.shape[3]):
            patch = padded[..., y * stride : y * stride + 3, x * stride : x * stride + 3]
            expected = rule(patch.flatten(1), weight.flatten(1))
            assert torch.allclose(found[..., y, x], expected, atol=1e-12)


def test_potentials_are_read_at_the_end() -> None:
    t, weight = torch.tensor([[0.5, inf, 5.0]]), torch.tensor([[2.0, 1.0, 1.0]])
    assert ReLPSP(t_max=3.0).potential(t, weight).item() == 5
    with pytest.raises(SpikeTimeError, match='set t_max of ReLPSP, or.*first_spike'):
        ReLPSP(t_max=inf).potential(t, weight)


@pytest.mark.parametrize('rule', [ReLPSP(), WindowTTFS()])
@pytest.mark.parametrize(('shape', 'weight', 'words'), [
    ((2, 3), (4, 5), r'shape \(B, 5\), got \(2, 3\)'),
    ((2, 3, 4, 4), (4, 5, 3, 3), r'shape \(B, 5, H, W\) .*got \(2, 3, 4, 4\)'),
    ((2, 5, 2, 4), (4, 5, 3, 3), r'H and W of at least 3, got \(2, 5, 2, 4\)'),
])  # fmt: skip
def test_shapes_that_do_not_fit_are_named(rule, shape, weight, words) -> None:
    for calculate in (rule, rule.potential):
        with pytest.raises(SpikeTimeError, match=words):
            calculate(torch.zeros(shape), torch.zeros(weight))


def test_a_rule_says_what_it_lacks() -> None:
    with pytest.raises(NotImplementedError, match='must define __call__'):
        SpikeTimeRule()(torch.zeros(1, 1), torch.zeros(1, 1))

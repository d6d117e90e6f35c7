"""Saccadic attention and neuron give the numbers of the parity kit, in float64."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mmsfa.layers.attention.saccadic import SpikeGate, TokenCounts
from mmsfa.neurons import LIF, SaccadicNeuron
from mmsfa.neurons.functional import causal_mix, decoupled_threshold
from tests.helpers.seeds import seeds

Found = dict[str, Any]
CASES = [
    *(f'sssa/{name}' for name in ('v1_small', 'v1_T2', 'v2_small', 'v2_wide')),
    *(f'sssa/neuron_{name}' for name in ('T4', 'diag', 'leaky', 'ties')),
]


def leaves(inputs: Found, *names: str) -> dict[str, Tensor]:
    found = {name: torch.tensor(inputs[name], dtype=torch.float64) for name in names}
    return {name: value.requires_grad_() for name, value in found.items()}


def neuron_of(x: dict[str, Tensor], temporal: str = 'causal') -> SaccadicNeuron:
    """A neuron whose parameters are the inputs of a case, gradients and all."""
    neuron = SaccadicNeuron(len(x['M']), scaled='alpha' in x, temporal=temporal)
    parts = dict(mix=x['M'], threshold=x['Vth'])
    if 'alpha' in x:
        parts['log_alpha'] = x['alpha'].log()
    for name, value in parts.items():
        delattr(neuron, name)
        setattr(neuron, name, value)
    return neuron.eval()


def gradients(out: Tensor, probe: Any, x: dict[str, Tensor]) -> Found:
    loss = (out * torch.tensor(probe)).mean()
    return {
        f'grad:{name}': value
        for name, value in zip(x, torch.autograd.grad(loss, list(x.values())), strict=True)
    }


def attention(inputs: Found, config: Found, state: None) -> Found:
    names = ('Q', 'K', 'V', 'M', 'Vth') if config['version'] == 1 else ('Q', 'V', 'M', 'Vth')
    x = leaves(inputs, *names, *(['alpha'] if config['version'] == 2 else []))
    T, B, N, _ = x['Q'].shape
    # (T, B, N, D) -> (T*B, D, N, 1)
    maps = {name: x[name].flatten(0, 1).transpose(1, 2)[..., None] for name in 'QKV' if name in x}
    counts, gate, neuron = TokenCounts('sum'), SpikeGate(), neuron_of(x)
    read = [maps[name] for name in 'QK' if name in maps]
    counts.reads(*(LIF() for _ in read))
    patch = counts(*read)
    spikes = neuron(patch)
    out = gate(spikes, maps['V']).squeeze(-1).transpose(1, 2).reshape(T, B, N, -1)
    steps = patch.unflatten(0, (T, B)).reshape(T, B, N)
    found = dict(
        patch=steps,
        H=causal_mix(steps, x['M']),
        S=spikes.reshape(T, B, N),
        out=out,
        **gradients(out, inputs['probe:out'], x),
    )
    if config['version'] == 1:  # only here N x N
        q, k = (x[name].sum(-1) for name in 'QK')
        found['relevance'] = q[..., None] * k[..., None, :]
    return found


def neuron(inputs: Found, config: Found, state: None) -> Found:
    x = leaves(inputs, 'x', 'M', 'Vth')
    causal, decoupled = neuron_of(x), neuron_of(x, 'decoupled')
    spikes = causal(x['x'])
    found = dict(
        H=causal_mix(x['x'], x['M']),
        S=spikes,
        S_decoupled=decoupled(x['x']),
        thr_decoupled=decoupled_threshold(x['M'], x['Vth']),
        agreement=decoupled.agreement,
    )
    if 'probe:S' in inputs:
        found |= gradients(spikes, inputs['probe:S'], x)
    return found


ADAPTERS: dict[str, Callable[[Found, Found, Any], Found]] = {
    'sssa.attention': attention,
    'sssa.neuron': neuron,
}


@pytest.mark.parametrize('name', CASES)
def test_case(name: str, shared_dir: Path) -> None:
    case = seeds(shared_dir).Case(name)
    case.check(ADAPTERS[case.op])


def test_every_case_is_tried(shared_dir: Path) -> None:
    assert set(seeds(shared_dir).names('sssa/')) == set(CASES)

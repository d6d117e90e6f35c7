"""Event-driven gradients and adaptive thresholds give the numbers of our definition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mmsfa.neurons import LIF, SFA
from tests.helpers.seeds import seeds

Found = dict[str, Any]
LEAKY = dict(tau=2.0, decay_input=False, surrogate='triangle', strict=True)
LIFS = ('fired_full', 'none_full', 'fired_cut', 'fired_detached')
OTHERS = ('sfa_D4', 'sfa_ties', 'aft_train', 'aft_eval', 'aft_floor')
CASES = [f'event_driven/{name}' for name in (*LIFS, *OTHERS)]


def stepped(neuron: LIF, x: Tensor) -> tuple[Tensor, Tensor]:
    """Spikes and charges of (T, B, ...), one step after the other."""
    membrane, spikes, charges = None, [], []
    for current in x:
        charges.append(current if membrane is None else current + membrane / 2)
        fired, membrane = neuron.fire_one_step(current, membrane)
        spikes.append(fired)
    return torch.stack(spikes), torch.stack(charges)


def gradient(neuron: LIF, x: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor]:
    """Spikes of (T, B, ...), and the gradient of their mean times something."""
    x = x.requires_grad_()
    spikes = neuron(x.flatten(0, 1)).view_as(x)
    (spikes * upstream).mean().backward()
    return spikes.detach(), x.grad


def masked_lif(inputs: Found, config: Found, state: None) -> Found:
    mask = dict(none_full=None, fired_full='fired', fired_cut='fired_cut')
    settings = dict(
        LEAKY,
        v_threshold=config['theta'],
        alpha=1 / config['gamma'],
        detach_reset=config['detach_reset'],
        grad_mask=mask[f'{config["mask"]}_{config["temporal"]}'],
    )
    x, upstream = (torch.tensor(inputs[name]) for name in ('x', 'probe:s'))
    lif = LIF(len(x), **settings)
    spikes, grad = gradient(lif, x.clone(), upstream)
    same, charges = stepped(lif, x)
    assert torch.equal(same, spikes)
    _, direct = gradient(LIF(1, **settings), charges, upstream)  # of each step by itself
    return {
        's': spikes,
        'u': charges.detach(),
        'grad:x': grad,
        'nnz_direct': (direct != 0).sum(),
        'nnz_total': (grad != 0).sum(),
    }


def masked_sfa(inputs: Found, config: Found, state: None) -> Found:
    grads = []
    for mask in (None, 'fired'):
        x = torch.tensor(inputs['x'], requires_grad=True)
        out = SFA(config['D'], grad_mask=mask)(x)
        (out * torch.tensor(inputs['probe:out'])).mean().backward()
        grads.append(x.grad)
    plain, masked = grads
    return {
        'out': out,
        'grad_plain': plain,
        'grad_masked': masked,
        'nnz_plain': (plain != 0).sum(),
        'nnz_masked': (masked != 0).sum(),
    }


def adaptive(inputs: Found, config: Found, state: None) -> Found:
    x, running = torch.tensor(inputs['x']), torch.tensor(inputs['running'])
    keys = ('k', 'eps', 'momentum')
    threshold = dict(type='AFT', **{key: config[key] for key in keys})
    lif = LIF(len(x), **LEAKY, threshold=threshold).double().train(config['mode'] == 'train')
    aft = lif.threshold
    aft.num_batches_tracked.fill_(1)  # in the midst of a training
    aft.running_threshold.copy_(running)
    thresholds = []
    aft.register_forward_hook(lambda *call: thresholds.append(call[2]))
    spikes = lif(x.flatten(0, 1)).view_as(x)
    found = torch.stack([one.expand(x.shape[1], 1) for one in thresholds]).squeeze(2)
    if not lif.training:
        assert torch.equal(stepped(lif, x)[0], spikes)
    return {
        's': spikes,
        'theta': found,
        'running_after': aft.running_threshold,
        'rate': spikes.mean(),
    }


ADAPTERS = {'mpd.lif': masked_lif, 'mpd.sfa': masked_sfa, 'aft.lif': adaptive}


@pytest.mark.parametrize('name', CASES)
def test_case(name: str, shared_dir: Path) -> None:
    case = seeds(shared_dir).Case(name)
    case.check(ADAPTERS[case.op])


def test_every_case_is_tried(shared_dir: Path) -> None:
    assert set(CASES) == set(seeds(shared_dir).names('event_driven/'))

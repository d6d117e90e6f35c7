"""Which neurons a loss looks at: by the order in which they run, or by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmpretrain.structures import DataSample
from torch import nn

from mmsfa.cls import TemporalLinearClsHead
from mmsfa.losses import Batch, FiringRateLoss, add_auxiliary_losses
from mmsfa.neurons import LIF
from tests.helpers.seeds import seeds

Found = dict[str, Any]
RATES = dict(a=0.5, b=0.25, c=1.0, d=0.0)


class Backwards(nn.Module):
    """Neurons that run in the order d, c, b, a; the rate of each is known."""

    def __init__(self) -> None:
        super().__init__()
        for name in RATES:
            self.add_module(name, LIF(T=1))

    def loss(self, inputs, data_samples) -> dict:
        for name in ('d', 'c', 'b', 'a'):
            fires = torch.arange(4) < 4 * RATES[name]
            self.get_submodule(name)(inputs * 0 + 4.0 * fires)
        return dict(loss_own=inputs.mean())


@pytest.mark.parametrize(
    ('skip', 'left'),
    [
        ((), 'abcd'),
        (('first',), 'abc'),
        (('last',), 'bcd'),
        (('first', 'last'), 'bc'),
        ('b', 'acd'),
        (('[ab]', 'first'), 'c'),
    ],
)
def test_what_is_left(skip, left: str) -> None:
    net = add_auxiliary_losses(Backwards(), dict(rate=FiringRateLoss(target=0.0, skip=skip)))
    loss = net.loss(torch.zeros(4, requires_grad=True), None)['loss_rate'].item()
    assert loss == pytest.approx(sum(RATES[n] ** 2 for n in left) / len(left))


@pytest.mark.parametrize(
    ('skip', 'words'),
    [
        (('e',), "'e' fits none. Neurons are called a, b, c and so on"),
        (('*',), r"leaves out every neuron: \['\*'\]"),
    ],
)
def test_patterns_that_cannot_be_meant(skip, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        add_auxiliary_losses(Backwards(), dict(rate=FiringRateLoss(skip=skip)))


def test_no_neuron_is_left() -> None:
    net = add_auxiliary_losses(Backwards(), dict(rate=FiringRateLoss(skip=('[abc]', 'first'))))
    with pytest.raises(ValueError, match='only 1 neurons ran'):
        net.loss(torch.zeros(4, requires_grad=True), None)


# --- the loss of Q-SNN


def published(inputs: Found, config: Found, state: None) -> Found:
    """Scores of the head, and one output of each neuron that has the rate of the case."""
    steps, _, classes = inputs['logits'].shape
    logits = torch.tensor(inputs['logits'], requires_grad=True)
    rates = torch.tensor(inputs['rates'], requires_grad=True)
    head = TemporalLinearClsHead(classes, 1, T=steps, each_step=True)
    head.step_scores = lambda feats: logits.flatten(0, 1)
    labels = [DataSample().set_gt_label(int(label)) for label in inputs['labels']]
    own = head.loss((), labels)['loss']
    net = nn.Sequential(*(LIF(T=1) for _ in rates))
    outputs = {str(i): [rate.expand(3)] for i, rate in enumerate(rates)}
    rule = FiringRateLoss(0.5, weight=config['lamb'], skip=('first', 'last'))
    rate_loss = rule(outputs, Batch(net, None, None))
    loss = own + rule.weight * rate_loss
    loss.backward()
    return {
        'loss': loss,
        'loss_rate': rate_loss,
        'grad:logits': logits.grad,
        'grad:rates': rates.grad,
    }


@pytest.mark.parametrize('name', ['qsnn_loss/T4', 'qsnn_loss/T2_strong'])
def test_case(name: str, shared_dir: Path) -> None:
    seeds(shared_dir).Case(name).check(published)


def test_every_case_is_tried(shared_dir: Path) -> None:
    assert len(seeds(shared_dir).names('qsnn_loss/')) == 2

"""The head of the event-camera model."""

from __future__ import annotations

import torch
from mmengine.registry import MODELS
from mmpretrain.structures import DataSample
from torch.nn import functional as F

from mmsfa.neurons.functional import integer_fire_over_time

T, B, C = 3, 2, 5


def build(**settings):
    head = dict(type='mmpretrain.SpikeTemporalClsHead', T=T, num_classes=4, in_channels=C)
    return MODELS.build(head | settings).double()


def test_scores_of_the_steps_are_averaged() -> None:
    head = build()
    x = torch.randn(T * B, C, dtype=torch.float64) * 3
    expected = torch.stack([head.fc(step) for step in x.unflatten(0, (T, B))]).mean(0)
    assert torch.allclose(head((x,)), expected, atol=1e-12)


def test_the_published_head_has_a_neuron_with_time() -> None:
    head = build(analog=(), neuron_cfg=dict(type='mmpretrain.SFA', norm=1, beta=0.5))
    x = torch.randn(T * B, C, dtype=torch.float64) * 3
    spikes = integer_fire_over_time(x, T, norm=1, beta=0.5).unflatten(0, (T, B))
    expected = torch.stack([head.fc.weight @ s.mT + head.fc.bias[:, None] for s in spikes]).mean(0)
    assert torch.allclose(head((x,)), expected.mT, atol=1e-12)
    assert (head.fc.neuron.T, head.fc.neuron.norm) == (T, 1)


def test_the_default_neuron_leaves_integers() -> None:
    neuron = build(analog=()).fc.neuron
    assert (neuron.T, neuron.D, neuron.norm) == (T, 4, 1)


def test_loss_and_prediction_are_of_the_batch_not_of_the_steps() -> None:
    head = build()
    feats = (torch.rand(T * B, C, dtype=torch.float64, requires_grad=True),)
    samples = [DataSample().set_gt_label(label) for label in (0, 3)]
    loss = head.loss(feats, samples)['loss']
    assert torch.allclose(loss, F.cross_entropy(head(feats), torch.tensor([0, 3])))
    loss.backward()
    assert head.fc.weight.grad.any()
    assert [p.pred_score.shape for p in head.predict(feats, samples)] == [(4,)] * B

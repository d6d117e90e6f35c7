"""Two heads on the same features."""

from __future__ import annotations

import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch.nn import functional as F

from mmsfa.neurons.functional import integer_fire

SFA = dict(type='mmpretrain.SFA', D=4, norm=1)
HEAD = dict(type='SpikeDistilledLinearClsHead', num_classes=5, in_channels=16, neuron_cfg=SFA)


@pytest.mark.parametrize('analog', [None, ()], ids=['potentials', 'spikes'])
def test_the_prediction_is_the_mean_of_two_heads(analog: tuple | None) -> None:
    head = MODELS.build(HEAD | dict(analog=analog))
    pooled = 3 * torch.randn(4, 16)
    read = pooled if analog is None else integer_fire(pooled, D=4, norm=1)
    scores, kd_scores = head.forward_heads((pooled,))
    torch.testing.assert_close(scores, F.linear(read, head.fc.weight, head.fc.bias))
    torch.testing.assert_close(kd_scores, F.linear(read, head.fc_kd.weight, head.fc_kd.bias))
    for mode in (True, False):
        assert torch.equal(head.train(mode)((pooled,)), (scores + kd_scores) / 2)


def test_the_published_first_head_reads_the_mean_itself() -> None:
    head = MODELS.build(HEAD | dict(analog=('fc',)))
    pooled = 3 * torch.randn(4, 16)
    scores, kd_scores = head.forward_heads((pooled,))
    torch.testing.assert_close(scores, F.linear(pooled, head.fc.weight, head.fc.bias))
    counts = integer_fire(pooled, D=4, norm=1)
    torch.testing.assert_close(kd_scores, F.linear(counts, head.fc_kd.weight, head.fc_kd.bias))


def test_a_head_of_a_fine_tuned_model_becomes_the_one_of_the_labels() -> None:
    single = MODELS.build(HEAD | dict(type='SpikeLinearClsHead'))
    head = MODELS.build(HEAD)
    missing, unexpected = head.load_state_dict(single.state_dict(), strict=False)
    assert set(missing) == {'fc_kd.weight', 'fc_kd.bias'} and not unexpected
    assert torch.equal(head.fc.weight, single.fc.weight)


def test_without_a_teacher_its_loss_is_the_mean_of_both() -> None:
    head = MODELS.build(dict(type='DistilledLinearClsHead', num_classes=5, in_channels=16))
    feats = (torch.randn(4, 16),)
    labels = torch.tensor([0, 3, 4, 1])
    samples = [DataSample().set_gt_label(int(label)) for label in labels]
    losses = [F.cross_entropy(scores, labels) for scores in head.forward_heads(feats)]
    assert not torch.equal(*losses)
    torch.testing.assert_close(head.loss(feats, samples)['loss'], sum(losses) / 2)
    predicted = head.predict(feats, samples)
    scores = torch.stack([sample.pred_score for sample in predicted])
    torch.testing.assert_close(scores, head(feats).softmax(1))

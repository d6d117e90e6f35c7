"""The classification head reads potentials, or spike counts; all else is mmpretrain's."""

from __future__ import annotations

import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch.nn import functional as F

from mmsfa.neurons.functional import integer_fire, integer_fire_over_time


def build(repo_dir, **changes):
    cfg = Config.fromfile(repo_dir / 'configs/cls/esf_tiny_flowers5.py').model.head
    return MODELS.build({**cfg, **changes})


def test_the_classifier_reads_the_mean_potential(repo_dir):
    head = build(repo_dir)
    pooled = 3 * torch.randn(4, 128)
    torch.testing.assert_close(head((pooled,)), pooled @ head.fc.weight.T + head.fc.bias)


def test_the_published_classifier_is_fed_with_integers(repo_dir):
    head, fed = build(repo_dir, analog=()), []
    pooled = 3 * torch.randn(4, 128)
    head.fc.register_forward_hook(lambda layer, args, out: fed.append(args[0]))
    scores = head((pooled,))
    (counts,) = fed
    assert torch.equal(counts, integer_fire(pooled, D=4, norm=1))
    assert set(counts.unique().tolist()) == {0, 1, 2, 3, 4}
    weight, bias = head.fc.weight, head.fc.bias
    torch.testing.assert_close(scores, counts @ weight.T + bias)


def test_weights_of_an_ordinary_head_load(repo_dir):
    ordinary = MODELS.build(dict(type='LinearClsHead', num_classes=5, in_channels=128))
    head = build(repo_dir, analog=())
    head.load_state_dict(ordinary.state_dict())
    pooled = torch.randint(0, 5, (4, 128)).float()  # counts already: the neuron changes nothing
    assert torch.equal(head((pooled,)), ordinary((pooled,)))


T, B, C = 3, 2, 5


def build_temporal(**settings):
    head = dict(type='mmpretrain.SpikeTemporalClsHead', T=T, num_classes=4, in_channels=C)
    return MODELS.build(head | settings).double()


def test_scores_of_the_steps_are_averaged() -> None:
    head = build_temporal()
    x = torch.randn(T * B, C, dtype=torch.float64) * 3
    expected = torch.stack([head.fc(step) for step in x.unflatten(0, (T, B))]).mean(0)
    assert torch.allclose(head((x,)), expected, atol=1e-12)


def test_the_published_head_has_a_neuron_with_time() -> None:
    head = build_temporal(analog=(), neuron_cfg=dict(type='mmpretrain.SFA', norm=1, beta=0.5))
    x = torch.randn(T * B, C, dtype=torch.float64) * 3
    spikes = integer_fire_over_time(x, T, norm=1, beta=0.5).unflatten(0, (T, B))
    expected = torch.stack([head.fc.weight @ s.mT + head.fc.bias[:, None] for s in spikes]).mean(0)
    assert torch.allclose(head((x,)), expected.mT, atol=1e-12)
    assert (head.fc.neuron.T, head.fc.neuron.norm) == (T, 1)


def test_the_default_neuron_leaves_integers() -> None:
    neuron = build_temporal(analog=()).fc.neuron
    assert (neuron.T, neuron.D, neuron.norm) == (T, 4, 1)


def test_loss_and_prediction_are_of_the_batch_not_of_the_steps() -> None:
    head = build_temporal()
    feats = (torch.rand(T * B, C, dtype=torch.float64, requires_grad=True),)
    samples = [DataSample().set_gt_label(label) for label in (0, 3)]
    loss = head.loss(feats, samples)['loss']
    assert torch.allclose(loss, F.cross_entropy(head(feats), torch.tensor([0, 3])))
    loss.backward()
    assert head.fc.weight.grad.any()
    assert [p.pred_score.shape for p in head.predict(feats, samples)] == [(4,)] * B


def test_the_loss_of_each_step_is_averaged() -> None:
    settings = dict(cal_acc=True)
    every = build_temporal(type='mmpretrain.TemporalLinearClsHead', each_step=True, **settings)
    mean = build_temporal(type='mmpretrain.TemporalLinearClsHead', **settings)
    mean.load_state_dict(every.state_dict())
    x = torch.randn(T * B, C, dtype=torch.float64) * 3
    samples = [DataSample().set_gt_label(label) for label in (1, 3)]
    steps = every.fc(x).unflatten(0, (T, B))
    expected = torch.stack([F.cross_entropy(s, torch.tensor([1, 3])) for s in steps]).mean()
    found, of_mean = every.loss((x,), samples), mean.loss((x,), samples)
    torch.testing.assert_close(found['loss'], expected)
    torch.testing.assert_close(
        of_mean['loss'], F.cross_entropy(steps.mean(0), torch.tensor([1, 3]))
    )
    assert found['accuracy_top-1'] == of_mean['accuracy_top-1']
    assert torch.equal(every((x,)), mean((x,)))


def test_maps_are_flattened() -> None:
    head = build_temporal(type='mmpretrain.TemporalLinearClsHead', in_channels=12)
    x = torch.randn(T * B, 3, 2, 2, dtype=torch.float64)
    assert torch.equal(head((x,)), head((x.flatten(1),)))

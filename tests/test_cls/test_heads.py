"""The classification head reads potentials, or spike counts; all else is mmpretrain's."""

import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS

from mmsfa.neurons.functional import integer_fire


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

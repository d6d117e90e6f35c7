"""Box heads: read-outs on potentials, norms behind the linear layers."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from mmdet.registry import MODELS
from torch import nn
from torch.nn import functional as F

import mmsfa.det  # noqa: F401
from mmsfa.neurons.functional import integer_fire
from mmsfa.spiking import spike_inference

SIZES = dict(in_channels=4, roi_feat_size=3, fc_out_channels=16, num_classes=3)
HEADS = {
    'SpikeShared2FCBBoxHead': {},
    'SpikeShared4Conv1FCBBoxHead': dict(conv_out_channels=4),
    'SpikeConvFCBBoxHead': dict(num_shared_fcs=1, num_cls_fcs=1, num_reg_fcs=1),
}


def build(kind: str = 'SpikeShared2FCBBoxHead', **cfg) -> nn.Module:
    head = MODELS.build(dict(type=kind, **{**SIZES, **HEADS[kind], **cfg}))
    head.init_weights()
    return head


def trained(head: nn.Module) -> nn.Module:
    """The head in evaluation mode, with statistics that are not those of its start."""
    head = head.double()
    for norm in head.fc_norms:
        nn.init.normal_(norm.bias)
        nn.init.uniform_(norm.weight, 0.5, 2)
    for _ in range(3):
        head(torch.randn(32, 4, 3, 3).double() * 3 + 1)
    return head.eval()


@pytest.mark.parametrize('kind', HEADS)
def test_names_without_norms_are_those_of_mmdet(kind):
    head = build(kind)
    ordinary = MODELS.build(dict(type=kind.removeprefix('Spike'), **SIZES, **HEADS[kind]))
    assert list(head.state_dict()) == list(ordinary.state_dict())
    normed = build(kind, fc_norm_cfg=dict(type='BN1d'))
    more = [name for name in normed.state_dict() if name not in head.state_dict()]
    assert more and all(name.startswith('fc_norms.') for name in more)
    fcs = [name for name, m in normed.named_modules() if isinstance(m, nn.Linear)]
    assert len(normed.fc_norms) == len(fcs) - 2, 'one for each linear layer but the two read-outs'


def test_the_norm_stands_behind_each_shared_layer():
    head = trained(build(fc_norm_cfg=dict(type='BN1d')))
    x = torch.randn(6, 4, 3, 3).double() * 2
    hidden = x.flatten(1)
    for fc, norm in zip(head.shared_fcs, head.fc_norms, strict=True):
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        # folded into the linear layer, as at inference
        weight = fc.weight * scale[:, None]
        bias = (fc.bias - norm.running_mean) * scale + norm.bias
        hidden = F.linear(integer_fire(hidden), weight, bias)
    scores, deltas = head(x)
    torch.testing.assert_close(scores, head.fc_cls(hidden))
    torch.testing.assert_close(deltas, head.fc_reg(hidden))


@pytest.mark.parametrize('kind', HEADS)
def test_spikes_equal_integers_behind_norms(kind):
    head = trained(build(kind, fc_norm_cfg=dict(type='BN1d')))
    x = torch.randn(6, 4, 3, 3).double() * 2
    with torch.no_grad(), spike_inference(head, 'integer'):
        integer = head(x)
    with torch.no_grad(), spike_inference(head, 'spikes'):
        spikes = head(x)
    for a, b in zip(integer, spikes, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_a_copy_has_norms_of_its_own():
    head = trained(build(fc_norm_cfg=dict(type='BN1d')))
    twin = deepcopy(head)
    x = torch.randn(6, 4, 3, 3).double() * 2
    before = head(x)[0]
    for norm in twin.fc_norms:
        nn.init.zeros_(norm.weight)
    assert torch.equal(head(x)[0], before) and not torch.equal(twin(x)[0], before)

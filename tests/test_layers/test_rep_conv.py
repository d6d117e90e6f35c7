"""Two convolutions in training, one at inference: the same map."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsfa.layers import RepConv, SpikeRepConv
from mmsfa.neurons import SFA

CFG = dict(conv_cfg=None, norm_cfg=dict(type='BN'))


def test_merging_waits_for_no_second_norm():
    rep = RepConv(8, 12, 20, last_norm=False, conv_cfg=None, norm_cfg=dict(type='BN')).double()
    for _ in range(3):
        rep(torch.randn(4, 8, 5, 5, dtype=torch.float64))
    x = torch.randn(2, 8, 5, 5, dtype=torch.float64)
    want = rep.eval()(x)
    rep.switch_to_deploy()
    torch.testing.assert_close(rep(x), want, rtol=0, atol=1e-12)
    assert set(rep.state_dict()) == {'conv.weight', 'conv.bias'}


@pytest.mark.parametrize('last_norm', [True, False])
def test_merged_it_is_one_convolution_of_the_same_map(lively_weights, last_norm):
    rep = lively_weights(RepConv(8, 12, 20, last_norm=last_norm, **CFG)).eval()
    assert (rep.bn is not None) == last_norm
    assert rep.conv1.conv.out_channels == 20
    x = torch.randn(2, 8, 5, 5)
    with torch.no_grad():
        want = rep(x)
        rep.switch_to_deploy()
        merged = rep.conv
        rep.switch_to_deploy()
        torch.testing.assert_close(rep(x), want, rtol=1e-4, atol=1e-4)
    assert rep.conv is merged, 'a second call does nothing'
    assert type(merged) is nn.Conv2d and merged.weight.dtype == torch.float32
    deployed = RepConv(8, 12, 20, deploy=True, **CFG)
    deployed.load_state_dict(rep.state_dict(), strict=True)


def test_without_statistics_it_stays_two():
    cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN', track_running_stats=False))
    rep = RepConv(4, 4, 6, **cfg).eval()
    x = torch.randn(2, 4, 3, 3)
    want = rep(x)
    rep.switch_to_deploy()
    assert rep.conv1.with_norm and torch.equal(rep(x), want)
    with pytest.raises(ValueError, match='merges ordinary convolutions only .*: leave deploy out'):
        RepConv(4, 4, 6, deploy=True, conv_cfg=dict(type='ConvWS'), norm_cfg=dict(type='BN'))


@pytest.mark.parametrize('order', [('act', 'conv', 'norm'), ('conv', 'norm', 'act')])
@pytest.mark.parametrize('owns_input', [False, True])
def test_its_neuron_stands_in_front_or_behind(lively_weights, order, owns_input):
    cfg = dict(neuron_cfg=dict(type='mmpretrain.SFA'), order=order, owns_input=owns_input)
    layer = lively_weights(SpikeRepConv(6, 4, 8, **cfg, **CFG)).eval()
    in_front = order[0] == 'act'
    assert layer.activate.owns_input == (owns_input or not in_front)
    x = torch.randn(2, 6, 4, 4) * 3
    fire = SFA()
    want = layer.rep(fire(x)) if in_front else fire(layer.rep(x))
    assert torch.equal(layer(x), want) and want.any()

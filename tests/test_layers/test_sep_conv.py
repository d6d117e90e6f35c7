"""A 1x1, a depthwise and a 1x1 convolution, a neuron in front of each."""

from __future__ import annotations

import pytest
import torch

from mmsfa.layers import SpikeSepConv
from mmsfa.neurons.functional import integer_fire

CFG = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=dict(type='mmpretrain.SFA'))


@pytest.mark.parametrize(('kernel_size', 'ratio'), [(3, 1), (7, 2)])
def test_its_three_parts_run_one_after_the_other(lively_weights, kernel_size, ratio):
    module = lively_weights(SpikeSepConv(4, kernel_size, ratio, **CFG)).double().eval()
    x = torch.randn(2, 4, 8, 9, dtype=torch.float64) * 3
    want = x
    for part in (module.pwconv1, module.dwconv, module.pwconv2):
        want = part.norm(part.conv(integer_fire(want)))
    torch.testing.assert_close(module(x), want, rtol=0, atol=1e-12)
    convs = [getattr(module, name).conv for name in ('pwconv1', 'dwconv', 'pwconv2')]
    hidden = 4 * ratio
    assert [c.weight.shape[:2] for c in convs] == [(hidden, 4), (hidden, 1), (4, hidden)]
    assert [c.kernel_size[0] for c in convs] == [1, kernel_size, 1]
    assert all(c.bias is None for c in convs)


def test_the_depthwise_part_alone_looks_around(lively_weights):
    module = lively_weights(SpikeSepConv(32, 3, **CFG)).double().eval()
    x = torch.zeros(1, 32, 9, 9, dtype=torch.float64)
    changed = x.clone()
    changed[:, ::2, 4, 4] = 4
    moved = (module(x) != module(changed)).any(1)[0].nonzero()
    assert len(moved) == 9 and ((moved - 4).abs() <= 1).all()  # 3 x 3 around the change


def test_what_is_masked_stays_zero_and_the_input_is_left_alone(lively_weights):
    module = lively_weights(SpikeSepConv(4, 3, **CFG)).eval()
    x = torch.randn(1, 4, 4, 4) * 3
    before = x.clone()
    visible = torch.tensor([[[[True, False], [False, True]]]])
    seen = visible.repeat_interleave(2, 2).repeat_interleave(2, 3).expand_as(x)
    with torch.no_grad():
        out = module(x, visible)
    assert not out[~seen].any() and out[seen].any()
    assert torch.equal(x, before)

"""Two 1x1 convolutions, a neuron in front of each."""

from __future__ import annotations

import pytest
import torch

from mmsfa.layers import SpikeMLP
from mmsfa.neurons.functional import integer_fire

CFG = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=dict(type='mmpretrain.SFA'))


@pytest.mark.parametrize('ratio', [1, 3])
def test_it_is_a_dense_mlp_at_each_position(lively_weights, ratio):
    mlp = lively_weights(SpikeMLP(4, ratio, **CFG)).double().eval()
    x = torch.randn(2, 4, 3, 5, dtype=torch.float64) * 3
    rows = x.permute(0, 2, 3, 1)
    for layer in (mlp.fc1, mlp.fc2):
        conv, norm = layer.conv, layer.norm
        rows = integer_fire(rows) @ conv.weight.flatten(1).T + conv.bias
        rows = (rows - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        rows = rows * norm.weight + norm.bias
    assert mlp.fc1.conv.out_channels == 4 * ratio
    torch.testing.assert_close(mlp(x), rows.permute(0, 3, 1, 2), rtol=0, atol=1e-11)


def test_a_shortcut_may_read_its_input_again(lively_weights):
    mlp = lively_weights(SpikeMLP(4, **CFG)).eval()
    x = torch.randn(2, 4, 3, 5) * 3
    before = x.clone()
    with torch.no_grad():
        mlp(x)
    assert torch.equal(x, before)
    assert (mlp.fc1.activate.owns_input, mlp.fc2.activate.owns_input) == (False, True)

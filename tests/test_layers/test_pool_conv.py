"""The brick that pools behind its neuron."""

import torch
from torch import nn

from mmsfa.layers.pool_conv import SpikePoolConv
from mmsfa.spiking.measure.operations import OperationCounter


def test_it_fires_pools_and_convolves() -> None:
    cfg = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=dict(type='mmpretrain.SFA'))
    made = SpikePoolConv(3, 4, **cfg).double().eval()
    x = 3 * torch.randn(2, 3, 7, 8, dtype=torch.float64)
    pooled = nn.functional.max_pool2d(made.neuron(x), 3, 2, 1)
    expected = made.conv.norm(made.conv.conv(pooled))
    counter = OperationCounter(made)
    counter.attach()
    with torch.no_grad():
        out = made(x)
    counter.detach()
    assert out.shape == (2, 4, 4, 4)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)
    (operations,) = counter.layers().values()
    assert operations.analog_macs == 0 and operations.acs > 0

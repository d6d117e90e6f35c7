"""Operations of one layer: what it holds, and what spikes set off."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmsfa.layers import RepConv
from mmsfa.neurons import SFA
from mmsfa.spiking.measure.emission import Emission
from mmsfa.spiking.measure.fan_out import additions, macs


@pytest.mark.parametrize(
    ('layer', 'size'),
    [
        (nn.Conv2d(4, 6, 3, padding=1), (3, 4, 11, 8)),
        (nn.Conv2d(4, 6, 3, padding=1), (4, 11, 8)),  # without a batch
        (
            nn.Conv2d(4, 6, (3, 5), stride=(2, 3), padding=(0, 2), dilation=(2, 1), groups=2),
            (3, 4, 11, 8),
        ),
        (nn.Conv2d(4, 6, 4, padding='same'), (3, 4, 11, 8)),
        (nn.Conv2d(4, 6, 3, padding='valid'), (3, 4, 11, 8)),
        (nn.Conv2d(4, 6, 3, padding=2, padding_mode='reflect'), (3, 4, 11, 8)),
        (nn.Conv2d(4, 6, 3, padding='same', padding_mode='circular'), (3, 4, 11, 8)),
        (nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1), (3, 4, 11, 8)),
        (nn.ConvTranspose2d(4, 6, (2, 3), stride=(3, 1), dilation=(1, 2), groups=2), (3, 4, 11, 8)),
        (nn.Conv1d(4, 6, 3, padding=2), (3, 4, 11)),
        (nn.Linear(7, 3), (3, 7)),
        (nn.Linear(7, 3), (3, 5, 7)),  # tokens
    ],
)
@pytest.mark.parametrize('norm', [1, 3, 4])
def test_additions_equal_a_layer_of_ones(layer: nn.Module, size: tuple, norm: int) -> None:
    draw = torch.Generator().manual_seed(0)
    counts = torch.randint(0, 5, size, generator=draw).double()
    layer = deepcopy(layer).double()
    with torch.no_grad():
        layer.weight.fill_(1)
        layer.bias.zero_()
        output = layer(counts)
    x = counts / norm
    emission = Emission(SFA(D=4, norm=norm), x)
    assert emission.total(x).item() == counts.sum().item()
    assert additions(layer, emission, x, output).item() == output.sum().item()


@pytest.mark.parametrize(
    ('layer', 'size'),
    [
        (nn.Conv2d(4, 6, (3, 5), stride=(2, 3), padding=(0, 2), groups=2), (3, 4, 11, 8)),
        (nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, groups=1), (3, 4, 11, 8)),
        (nn.Conv1d(4, 6, 3, padding=2, dilation=2), (3, 4, 11)),
        (nn.Linear(7, 3), (3, 5, 7)),
    ],
)
@torch.no_grad()
def test_macs_are_half_of_what_torch_counts_as_flops(layer: nn.Module, size: tuple) -> None:
    x = torch.randn(size)
    with FlopCounterMode(display=False) as counter:
        output = layer(x)
    assert macs(layer, x, output) == counter.get_total_flops() / 2 > 0


@torch.no_grad()
def test_a_convolution_that_is_merged_later_counts_as_one() -> None:
    rep = RepConv(4, 6, 50, conv_cfg=None, norm_cfg=dict(type='BN')).eval()
    x = torch.ones(2, 4, 3, 3)
    output = rep(x)
    assert macs(rep, x, output) == 2 * 9 * 4 * 6
    emission = Emission(SFA(D=4, norm=1), x)
    assert additions(rep, emission, x, output).item() == x.numel() * 6

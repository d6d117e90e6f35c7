"""The global-local stem: sums of near and dilated convolutions, on spikes behind the first."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import nn
from torch.nn import functional as F

from mmsfa.layers.global_local import GLSPS, GlobalLocalConv
from mmsfa.spiking import OperationCounter, spike_inference

Fill = Callable[[nn.Module], nn.Module]
CFG = dict(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=dict(type='mmpretrain.SFA', D=4))


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('size', [(8, 8), (7, 10)])
def test_a_stage_adds_up_what_is_near_and_what_is_farther(
    lively_weights: Fill, stride: int, size: tuple[int, int]
) -> None:
    stage = lively_weights(GlobalLocalConv(4, 6, stride, dilation=3, **CFG)).double().eval()
    x = 3 * torch.randn(2, 4, *size).double()
    spikes = stage.neuron(x)
    if stride == 2:
        spikes = F.max_pool2d(spikes, 3, 2, 1)
    near, far = (brick.conv.weight for brick in (stage.local_conv, stage.global_conv))
    expected = stage.local_conv.norm(F.conv2d(spikes, near, padding=1))
    expected = expected + stage.global_conv.norm(F.conv2d(spikes, far, padding=3, dilation=3))
    torch.testing.assert_close(stage(x), expected)
    assert stage(x).shape == (2, 6, *(-(-side // stride) for side in size))


@pytest.mark.parametrize(('strides', 'factor'), [((2, 2, 2, 2), 16), ((1, 1, 2, 2), 4)])
def test_the_stem_alone(lively_weights: Fill, strides: tuple[int, ...], factor: int) -> None:
    stem = MODELS.build(dict(type='mmpretrain.GLSPS', channels=32, strides=strides))
    stem = lively_weights(stem).double().eval()
    x = torch.randn(2, 3, 64, 32).double()
    expected = stem(x)
    assert expected.shape == (2, 32, 64 // factor, 32 // factor)
    assert [stage.local_conv.conv.out_channels for stage in stem] == [4, 8, 16, 32]
    counter = OperationCounter(stem)
    counter.attach()
    with torch.no_grad():
        stem(x)
    counter.detach()
    real = [name for name, layer in counter.layers().items() if layer.analog_macs]
    assert real == ['0.local_conv.conv', '0.global_conv.conv']
    with spike_inference(stem), torch.no_grad():
        torch.testing.assert_close(stem(x), expected, rtol=0, atol=1e-10)


def test_wrong_arguments() -> None:
    for message, settings in {
        'channels must be a multiple of 8': dict(channels=12),
        'strides must be four times 1 or 2, got': dict(strides=(2, 2, 4)),
        "channels must be a multiple of 8 .*, got '8'": dict(channels='8'),
        'strides must be four times 1 or 2, got 2': dict(strides=2),
        'dilation must be a whole number from 1 on, got 0': dict(dilation=0),
        'dilation must be a whole number from 1 on, got 1.5': dict(dilation=1.5),
    }.items():
        with pytest.raises(ValueError, match=message):
            GLSPS(**settings)

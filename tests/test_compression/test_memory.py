"""Memory of weights against published figures and hand counts."""

from __future__ import annotations

import pytest
import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmsfa.compression.memory import weight_bytes, weight_memory
from mmsfa.layers.effective_weight import weight_bits
from mmsfa.layers.fold import fold


class SignConv(nn.Conv2d):
    """A convolution that multiplies with the signs of its weights."""

    weight_bits = 1

    def effective_weight(self) -> Tensor:
        return torch.where(self.weight < 0, -1.0, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.effective_weight(), self.bias)


def vgg(layer: type[nn.Conv2d], classes: int) -> nn.Module:
    """Q-SNN's VGG; its first and its last layer keep 32 bits.

    Source: Wei et al., Q-SNNs: Quantized Spiking Neural Networks, https://arxiv.org/abs/2406.13672.
    """
    bricks: list[nn.Module] = []
    channels = 3
    for width in (64, 128, 'pool', 256, 256, 'pool', 512, 512, 'pool', 512, 512):
        if width == 'pool':
            bricks.append(nn.AvgPool2d(2))
            continue
        kind = layer if bricks else nn.Conv2d
        conv = kind(channels, width, 3, padding=1, bias=False)
        bricks.append(nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU()))
        channels = width
    return nn.Sequential(*bricks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


@pytest.mark.parametrize(
    ('classes', 'floats', 'signs'), [(10, 36.91, 1.20), (100, 37.10, 1.39)], ids=['10', '100']
)
def test_the_published_memory_of_q_snn_comes_out(classes, floats, signs) -> None:
    assert round(weight_memory(vgg(nn.Conv2d, classes)), 2) == floats
    assert round(weight_memory(vgg(SignConv, classes)), 2) == signs


def test_bytes_of_each_module_by_hand() -> None:
    net = nn.Sequential(SignConv(2, 3, 3), nn.BatchNorm2d(3), nn.Linear(4, 5).half())
    # 54 weights of 1 bit in 7 bytes, 3 biases of 32 bits; no statistics of BN; 25 x 16 bits
    assert weight_bytes(net) == {'': 0, '0': 7 + 12, '1': 24, '2': 50}
    assert weight_memory(net) == pytest.approx(93e-6)


def test_a_shared_weight_counts_once() -> None:
    net = nn.ModuleList([nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)])
    net[1].weight = net[0].weight
    assert weight_bytes(net) == {'': 0, '0': 64, '1': 0}


def test_a_weight_norm_counts_the_weight_that_comes_out() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 3, 3))
    assert weight_memory(layer) * 1e6 == 4 * (4 * 3 * 9 + 3)


def test_merging_for_inference_keeps_the_bits() -> None:
    brick = ConvModule(4, 6, 3, norm_cfg=dict(type='BN'), act_cfg=None)
    brick.conv = SignConv(4, 6, 3, bias=False)
    merged = fold(brick.eval())
    assert type(merged.conv) is nn.Conv2d and weight_bits(merged.conv) == 1
    assert weight_memory(merged) * 1e6 == 4 * 6 * 9 / 8 + 6 * 4  # the shift of the BN is the bias

"""Max pooling of spikes, and the convolution behind it."""

from __future__ import annotations

import torch
from mmcv.cnn import build_activation_layer
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from mmsfa.neurons import SpikingNeuron

from .attention.product import SpikeProduct
from .spike_conv import LayerCfg, SpikeConv


def _pooled(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, stride=2, padding=1)


class SpikeMaxPool(SpikeProduct):
    """Max pooling 3 x 3 with stride 2: a spike where any neuron of the window fires.

    The largest count of a window has the spikes of all others in each virtual step, so that spikes
    come out, and the step-wise form is the same. It costs neither additions nor products.

    Shape:
        - Input: (T*B, C, H, W), spikes.
        - Output: (T*B, C, ceil(H / 2), ceil(W / 2)), spikes.
    """

    def forward(self, x: Tensor) -> Tensor:
        """The largest of each window."""
        return _pooled(x)

    def macs(self, *inputs: Tensor) -> int:
        """None: comparisons are not counted."""
        return 0

    def additions(self, *inputs: Tensor) -> Tensor:
        """None."""
        return torch.zeros((), dtype=torch.float64, device=inputs[0].device)

    def stepwise(self, *inputs: Tensor) -> Tensor:
        """The same."""
        return _pooled(*inputs)


class SpikePoolConv(BaseModule):
    """neuron -> max pooling with stride 2 -> 3x3 convolution -> norm.

    Args:
        in_channels: Input channels.
        out_channels: Output channels.
        conv_cfg: Config of the convolution.
        norm_cfg: Config of the normalisation.
        neuron_cfg: Config of the neuron.

    Shape:
        - Input: (T*B, C_in, H, W), membrane potential.
        - Output: (T*B, C_out, ceil(H / 2), ceil(W / 2)), membrane potential.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        conv_cfg: dict | None,
        norm_cfg: dict,
        neuron_cfg: dict,
    ) -> None:
        super().__init__()
        cfg = LayerCfg(conv_cfg=conv_cfg, norm_cfg=norm_cfg, neuron_cfg=neuron_cfg)
        self.neuron = build_activation_layer(neuron_cfg)
        self.pool = SpikeMaxPool()
        spiking = self.neuron if isinstance(self.neuron, SpikingNeuron) else None
        self.pool.reads(self.neuron, emitter=spiking)
        self.conv = SpikeConv(in_channels, out_channels, 3, **{**cfg, 'neuron_cfg': None})

    def forward(self, x: Tensor) -> Tensor:
        """(T*B, C_in, H, W) -> (T*B, C_out, ceil(H / 2), ceil(W / 2))."""
        return self.conv(self.pool(self.neuron(x)))

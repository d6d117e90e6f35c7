"""The spiking brick with a max pooling behind its neuron."""

from __future__ import annotations

from mmcv.cnn import build_activation_layer
from mmengine.model import BaseModule
from torch import Tensor

from .spike_conv import SpikeConv
from .spike_pool import SpikeMaxPool2d


class SpikePoolConv(BaseModule):
    """neuron -> max pooling 3 x 3 with stride 2 -> 3x3 convolution -> norm.

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
        self.neuron = build_activation_layer(neuron_cfg)
        self.pool = SpikeMaxPool2d(self.neuron, 3, stride=2, padding=1)
        self.conv = SpikeConv(
            in_channels, out_channels, 3, norm_cfg=norm_cfg, conv_cfg=conv_cfg, neuron_cfg=None
        )

    def forward(self, x: Tensor) -> Tensor:
        """(T*B, C_in, H, W) -> (T*B, C_out, ceil(H / 2), ceil(W / 2))."""
        return self.conv(self.pool(self.neuron(x)))

"""Spiking separable convolution."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor

from .spike_conv import LayerCfg, SpikeConv


class SpikeSepConv(BaseModule):
    """Inverted separable convolution with a neuron in front of each of its three parts.

    1x1 (C -> rC), depthwise k x k (rC), 1x1 (rC -> C); no bias, BN after each.

    Args:
        channels: Channels C.
        kernel_size: Size k of the depthwise kernel.
        ratio: Expansion r.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations.
        neuron_cfg: Config of the neurons.

    Shape:
        - Input and output: (T*B, C, H, W), membrane potential.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        ratio: int = 2,
        *,
        conv_cfg: dict | None,
        norm_cfg: dict,
        neuron_cfg: dict,
    ) -> None:
        super().__init__()
        cfg = LayerCfg(conv_cfg=conv_cfg, norm_cfg=norm_cfg, neuron_cfg=neuron_cfg)
        hidden = ratio * channels
        # Each part but the first reads the map of the part before, and nobody else does.
        self.pwconv1 = SpikeConv(channels, hidden, 1, **cfg)
        self.dwconv = SpikeConv(hidden, hidden, kernel_size, groups=hidden, owns_input=True, **cfg)
        self.pwconv2 = SpikeConv(hidden, channels, 1, owns_input=True, **cfg)

    def forward(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """(T*B, C, H, W) -> (T*B, C, H, W); for ``visible`` see :class:`SpikeConv`."""
        return self.pwconv2(self.dwconv(self.pwconv1(x, visible), visible), visible)

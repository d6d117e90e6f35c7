"""Spiking channel MLP."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor

from .spike_conv import LayerCfg, SpikeConv


class SpikeMLP(BaseModule):
    """Two 1x1 convolutions (C -> rC -> C) with BN, a neuron in front of each.

    Args:
        channels: Channels C.
        ratio: Expansion r.
        bias: Whether the convolutions have a bias.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations.
        neuron_cfg: Config of the neurons.

    Shape:
        - Input and output: (T*B, C, H, W), membrane potential.
    """

    def __init__(
        self,
        channels: int,
        ratio: float = 4,
        bias: bool = True,
        *,
        conv_cfg: dict | None,
        norm_cfg: dict,
        neuron_cfg: dict,
    ) -> None:
        super().__init__()
        cfg = LayerCfg(conv_cfg=conv_cfg, norm_cfg=norm_cfg, neuron_cfg=neuron_cfg)
        hidden = round(ratio * channels)
        self.fc1 = SpikeConv(channels, hidden, 1, bias=bias, **cfg)
        self.fc2 = SpikeConv(hidden, channels, 1, owns_input=True, bias=bias, **cfg)

    def forward(self, x: Tensor) -> Tensor:
        """(T*B, C, H, W) -> (T*B, C, H, W)."""
        return self.fc2(self.fc1(x))

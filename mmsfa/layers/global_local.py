"""The stem of SNN-ViT: near and farther places, added up, at several scales."""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.cnn import build_activation_layer
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.neurons.functional.checks import is_count

from .spike_conv import SpikeConv
from .spike_pool import SpikeMaxPool2d


def check_stem_channels(channels: int) -> None:
    """Raise a ValueError where a stem cannot begin with an eighth of the channels."""
    if not is_count(channels) or channels % 8:
        raise ValueError(f'channels must be a multiple of 8 (the stem has C/8), got {channels!r}.')


class GlobalLocalConv(BaseModule):
    """neuron -> perhaps max pooling -> (3x3, BN) + (dilated 3x3, BN).

    Args:
        in_channels: Input channels.
        out_channels: Output channels.
        stride: 2 halves the map, 1 keeps it. Spikes are pooled (3 x 3); of a picture, which cannot
            be, both convolutions take every second place.
        reads_picture: Leave the neuron out.
        dilation: Of the second convolution.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations.
        neuron_cfg: Config of the neuron.

    Shape:
        - Input: (T*B, C_in, H, W), membrane potential or picture.
        - Output: (T*B, C_out, ceil(H / stride), ceil(W / stride)), membrane potential.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 2,
        reads_picture: bool = False,
        dilation: int = 2,
        *,
        conv_cfg: dict | None,
        norm_cfg: dict,
        neuron_cfg: dict,
    ) -> None:
        super().__init__()
        self.neuron = self.pool = None
        if not reads_picture:
            self.neuron = build_activation_layer(neuron_cfg)
            if stride > 1:
                self.pool = SpikeMaxPool2d(self.neuron, 3, stride, padding=1)
        self.local_conv, self.global_conv = (
            SpikeConv(
                in_channels,
                out_channels,
                3,
                stride=1 if self.pool else stride,
                dilation=reach,
                neuron_cfg=None,
                conv_cfg=conv_cfg,
                norm_cfg=norm_cfg,
            )
            for reach in (1, dilation)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(T*B, C_in, H, W) -> (T*B, C_out, H', W')."""
        if self.neuron is not None:
            x = self.neuron(x)
        if self.pool is not None:
            x = self.pool(x)
        return self.local_conv(x) + self.global_conv(x)


@MODELS.register_module()
class GLSPS(nn.Sequential):
    """Global-local spiking patch splitting: the stem of SNN-ViT, for any network.

    A standard and a dilated convolution are added up at several scales. Source: SNN-ViT,
    https://arxiv.org/abs/2502.12677. **The plan of channels and scales is not published: four
    stages with C/8, C/4, C/2 and C channels, dilation 2, and pooling in front of the convolutions
    are ours.**

    Args:
        in_channels: Channels of the picture (of one time step).
        channels: Channels C of the output, a multiple of 8.
        strides: 2 or 1 of each of the four stages. Four times 2 is that of ImageNet: 224 pixels
            become 14 tokens.
        dilation: Of the dilated convolutions.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations; None is BN.
        neuron_cfg: Config of the neurons, with their T; None is SFA with four levels.

    Shape:
        - Input: (T*B, C_in, H, W), picture.
        - Output: (T*B, C, H / s, W / s), membrane potential; s is the product of the strides.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        in_channels: int = 3,
        channels: int = 64,
        strides: Sequence[int] = (2, 2, 2, 2),
        dilation: int = 2,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        neuron_cfg: dict | None = None,
    ) -> None:
        check_stem_channels(channels)
        several = isinstance(strides, Sequence) and len(strides) == 4
        if not (several and set(strides) <= {1, 2}):
            raise ValueError(f'strides must be four times 1 or 2, got {strides!r}.')
        if not is_count(dilation):
            raise ValueError(f'dilation must be a whole number from 1 on, got {dilation!r}.')
        widths = (in_channels, channels // 8, channels // 4, channels // 2, channels)
        super().__init__(
            *(
                GlobalLocalConv(
                    widths[i],
                    widths[i + 1],
                    stride=stride,
                    reads_picture=i == 0,
                    dilation=dilation,
                    conv_cfg=conv_cfg,
                    norm_cfg=norm_cfg or dict(type='BN', requires_grad=True),
                    neuron_cfg=neuron_cfg or dict(type='mmpretrain.SFA', D=4),
                )
                for i, stride in enumerate(strides)
            )
        )

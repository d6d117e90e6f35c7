"""The residual network of binary neurons of TET and Q-SNN: ResNet-19."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mmcv.cnn import build_activation_layer
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.layers import SpikeConv
from mmsfa.layers.blocks import CoupledBlock
from mmsfa.layers.coupling import Branch, Residual, Stage
from mmsfa.layers.spike_conv import LayerCfg
from mmsfa.neurons.real_time import OutTime

from .real_time_backbone import RealTimeBackbone

_ORDER = ('conv', 'norm', 'act')


class FireBehind(Residual):
    """The coupling of ResNet: a neuron fires on the sum of branch and shortcut.

    Args:
        shortcut: What the state passes on its way around the branch.
        activate: The neuron.
    """

    def __init__(self, shortcut: nn.Module, activate: nn.Module) -> None:
        self.shortcut = shortcut
        self.activate = activate

    def join(self, state: Any, branch: Branch) -> Any:
        """Spikes -> spikes."""
        return self.activate(branch(state) + self.shortcut(state))


class SpikingBasicBlock(CoupledBlock):
    """Two convolutions of 3 x 3; a shortcut adds spikes, or what a 1 x 1 convolution makes of them.

    Args:
        in_channels: Input channels.
        out_channels: Output channels.
        stride: Of the first convolution and of the shortcut.
        with_cp: See :class:`~mmsfa.layers.blocks.CoupledBlock`.
        cfg: Configs of convolution, norm and neuron.

    Shape:
        - Input: (T*B, C_in, H, W), spikes.
        - Output: (T*B, C_out, H / stride, W / stride), spikes.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, with_cp: bool, cfg: LayerCfg
    ) -> None:
        super().__init__(with_cp)
        bare: dict[str, Any] = {**cfg, 'neuron_cfg': None, 'order': _ORDER}
        self.conv1 = SpikeConv(in_channels, out_channels, 3, stride=stride, order=_ORDER, **cfg)
        self.conv2 = SpikeConv(out_channels, out_channels, 3, **bare)
        same = stride == 1 and in_channels == out_channels
        self.downsample = (
            nn.Identity()
            if same
            else SpikeConv(in_channels, out_channels, 1, stride=stride, **bare)
        )
        self.activate = build_activation_layer(cfg['neuron_cfg'])
        self.coupling = FireBehind(self.downsample, self.activate)

    def branches(self, *visible: Tensor | None) -> list[Branch]:
        """The two convolutions."""
        return [lambda x: self.conv2(self.conv1(x))]


@MODELS.register_module()
class SpikingResNet(RealTimeBackbone):
    """ResNet of binary neurons for small pictures: a convolution and three stages of basic blocks.

    With its defaults and a linear classifier on the mean of the last map it is the ResNet-19 of
    Q-SNN, https://arxiv.org/abs/2406.13672. All outputs are spikes; what a shortcut adds to them
    lies in front of a neuron.

    Args:
        width: Channels of the first stage; the others have twice and four times as many.
        depths: Number of blocks of each stage.
        in_channels: Channels of the input (of one time step).
        out_indices: Which of the three maps are returned, at the strides 1, 2 and 4.
        neuron_cfg: Config of the neurons; None is the published one, a LIF.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations.
        T: Number of real time steps. The neurons get it, too.
        out_time: What becomes of time in the maps: ``'mean'`` over the steps, or ``'batch'``: it
            stays in the batch axis, for a classifier of each step.
        with_cp: Recompute each block in backward instead of keeping its activations.
        init_cfg: Config of the initialisation.

    Attributes:
        out_channels: Channels of each returned map.
        out_strides: Stride of each returned map.

    Shape:
        - Input: (B, T*in_channels, H, W), time is the slow part of the channel axis; or a still
          image (B, in_channels, H, W), which is shown T times.
        - Output: tuple of (B, C_i, H / s_i, W / s_i); the first axis is T*B, time slow, with
          ``out_time='batch'``.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        width: int = 128,
        depths: Sequence[int] = (3, 3, 2),
        in_channels: int = 3,
        out_indices: Sequence[int] = (2,),
        neuron_cfg: dict | None = None,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        T: int = 4,
        out_time: OutTime = 'mean',
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, T, out_time, init_cfg)
        if not 1 <= len(depths) <= 3 or min(depths) < 1:
            raise ValueError(f'depths must name the blocks of one to three stages, got {depths!r}.')
        self.out_indices = self.check_indices(out_indices, len(depths))
        cfg = self.layer_cfg(conv_cfg, norm_cfg, neuron_cfg)
        self.conv1 = SpikeConv(in_channels, width, 3, order=_ORDER, **cfg)
        self.stages = nn.ModuleList()
        before = width
        for i, depth in enumerate(depths[: self.out_indices[-1] + 1]):
            channels = width * 2**i
            strides = (1 if i == 0 else 2, *[1] * (depth - 1))
            inputs = (before, *[channels] * (depth - 1))
            self.stages.append(
                Stage(
                    *(
                        SpikingBasicBlock(c, channels, stride, with_cp, cfg)
                        for c, stride in zip(inputs, strides, strict=True)
                    )
                )
            )
            before = channels
        self.out_channels = tuple(width * 2**i for i in self.out_indices)
        self.out_strides = tuple(2**i for i in self.out_indices)

    def maps(self, x: Tensor) -> Iterator[Tensor]:
        """The map behind each stage, spikes."""
        x = self.conv1(x)
        for stage in self.stages:
            x = stage(x)
            yield x

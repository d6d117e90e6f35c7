"""E-SpikeFormer: the spiking transformer backbone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..layers import SpikeConv, SpikeConvBlock, SpikeTransformerBlock
from ..layers.cpu_inference import is_plain_cpu_inference


@MODELS.register_module()
class ESpikeFormer(BaseModule):
    """E-SpikeFormer, five stages: three of convolution blocks, two of transformer blocks.

    Source: Yao et al., "Scaling Spike-driven Transformer with Efficient Spike Firing
    Approximation Training", https://arxiv.org/abs/2411.16061.

    Every shortcut adds real membrane potentials, every branch starts with a neuron. The outputs
    are membrane potentials too: what follows puts its own neuron in front.

    Args:
        arch: ``'tiny'`` (2.6M), ``'5m'``, ``'10m'``, ``'19m'``, or a dict with ``channels``
            (C0, C1, C2, C3; C0 is even) and, if they differ, ``depths`` (blocks of the five
            stages) and ``mlp_ratio``.
        in_channels: Channels of the input.
        out_indices: Which of the five maps are returned: 0 = C0/2 at stride 2, 1 = C0 at 4,
            2 = C1 at 8, 3 = C2 at 16, 4 = C3 at 16 (32 with ``stage4_stride=2``). Stages after
            the last one are not built.
        frozen_stages: Stages 0..frozen_stages are frozen and in eval mode; -1 freezes none.
        neuron_cfg: Config of the neurons; ``dict(type='ReLU')`` gives the ANN twin.
        attn_cfg: Config of the attention.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations.
        stage4_stride: Stride of the last stage: 1 as published, or 2 for a true stride of 32.
        drop_path_rate: Drop rate of the last transformer block; it grows linearly from 0.
        layer_scale_init: Initial layer scale of the transformer blocks; None has no layer scale.
        norm_eval: Keep BN in eval mode during training.
        with_cp: Recompute each block in backward instead of keeping its activations.
        init_cfg: Config of the initialisation, for instance ``dict(type='Pretrained',
            checkpoint=..., prefix='backbone.')``; with ``checkpoint=None`` it starts from scratch.

    Attributes:
        out_channels: Channels of each returned map.
        out_strides: Stride of each returned map.

    Shape:
        - Input: (T*B, in_channels, H, W).
        - Output: tuple of (T*B, C_i, H / s_i, W / s_i), membrane potentials.

    Raises:
        ValueError: An argument is out of its range.
    """

    arch_settings = {
        'tiny': dict(channels=(24, 48, 96, 128)),
        '5m': dict(channels=(32, 64, 128, 192)),
        '10m': dict(channels=(48, 96, 192, 240)),
        '19m': dict(channels=(64, 128, 256, 360)),
    }
    default_depths = (1, 1, 2, 6, 2)
    num_conv_stages = 3

    def __init__(
        self,
        arch: str | dict = '19m',
        in_channels: int = 3,
        out_indices: Sequence[int] = (1, 2, 3, 4),
        frozen_stages: int = -1,
        neuron_cfg: dict | None = None,
        attn_cfg: dict | None = None,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        stage4_stride: int = 1,
        drop_path_rate: float = 0.0,
        layer_scale_init: float | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if isinstance(init_cfg, dict) and init_cfg.get('checkpoint', '') is None:
            init_cfg = None
        super().__init__(init_cfg)
        channels, depths, mlp_ratio = self._parse_arch(arch)
        num_stages = len(depths)
        indices = set(out_indices) if isinstance(out_indices, Sequence) else set()
        if not 0 < len(indices & set(range(num_stages))) == len(out_indices):
            raise ValueError(
                f'out_indices must name different maps of 0..{num_stages - 1} (0 is the map at '
                f'stride 2), got {out_indices!r}.'
            )
        if frozen_stages not in range(-1, num_stages):
            raise ValueError(
                f'frozen_stages must lie in -1..{num_stages - 1} (-1 freezes none), '
                f'got {frozen_stages!r}.'
            )
        if stage4_stride not in (1, 2):
            raise ValueError(
                'stage4_stride must be 1 (the last map stays at stride 16) or 2 (stride 32), '
                f'got {stage4_stride!r}.'
            )
        if not 0 <= drop_path_rate < 1:
            raise ValueError(
                f'drop_path_rate (a probability) must lie in [0, 1), got {drop_path_rate!r}.'
            )
        self.out_indices = tuple(sorted(out_indices))
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        strides = (2, 4, 8, 16, 16 * stage4_stride)
        self.out_channels = tuple(channels[i] for i in self.out_indices)
        self.out_strides = tuple(strides[i] for i in self.out_indices)

        cfg = dict(
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg or dict(type='BN', requires_grad=True),
            neuron_cfg=neuron_cfg or dict(type='mmpretrain.SFA', D=4),
        )
        transformer_cfg = dict(
            attn_cfg=attn_cfg or dict(type='mmpretrain.SpikeDrivenSelfAttention'),
            mlp_ratio=mlp_ratio,
            layer_scale_init=layer_scale_init,
        )
        num_transformer_blocks = sum(depths[self.num_conv_stages :])
        drop_paths = iter(np.linspace(0, drop_path_rate, num_transformer_blocks).tolist())

        self.downsample_layers = nn.ModuleList()
        self.stages = nn.ModuleList()
        for i in range(self.out_indices[-1] + 1):
            stride = stage4_stride if i == 4 else 2
            if i == 0:  # the image is no spike train: no neuron in front
                down = SpikeConv(
                    in_channels,
                    channels[0],
                    7,
                    stride=2,
                    bias=True,
                    **dict(cfg, neuron_cfg=None),
                )
            else:
                down = SpikeConv(channels[i - 1], channels[i], 3, stride=stride, bias=True, **cfg)
            if i < self.num_conv_stages:
                blocks = [
                    SpikeConvBlock(channels[i], with_cp=with_cp, **cfg) for _ in range(depths[i])
                ]
            else:
                blocks = [
                    SpikeTransformerBlock(
                        channels[i],
                        drop_path=next(drop_paths),
                        with_cp=with_cp,
                        **transformer_cfg,
                        **cfg,
                    )
                    for _ in range(depths[i])
                ]
            self.downsample_layers.append(down)
            self.stages.append(nn.Sequential(*blocks))
        self._freeze_stages()

    def _parse_arch(self, arch: str | dict) -> tuple[tuple[int, ...], tuple[int, ...], int]:
        """Channels and depths of the five stages, and the MLP ratio."""
        if isinstance(arch, str):
            if arch not in self.arch_settings:
                raise ValueError(
                    f'arch must be one of {sorted(self.arch_settings)} or a dict with the key '
                    f"'channels', got {arch!r}."
                )
            arch = self.arch_settings[arch]
        if not isinstance(arch, dict):
            raise ValueError(
                f"arch must be a name or a dict with the key 'channels', got {arch!r}."
            )
        unknown = set(arch) - {'channels', 'depths', 'mlp_ratio'}
        if unknown or len(arch.get('channels', ())) != 4 or arch['channels'][0] % 2:
            raise ValueError(
                "An arch dict must have the key 'channels' (four numbers C0..C3, C0 even) and may "
                f"have 'depths' and 'mlp_ratio', got {dict(arch)}."
            )
        depths = tuple(arch.get('depths', self.default_depths))
        if len(depths) != 5:
            raise ValueError(f'depths must give the number of blocks of five stages, got {depths}.')
        c0 = arch['channels'][0]
        return (c0 // 2, *arch['channels']), depths, arch.get('mlp_ratio', 4)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(T*B, C, H, W) -> one membrane potential map for each of ``out_indices``."""
        # A CPU convolves float32 faster in this layout (and float64 slower); mmcv's operators for
        # it expect the plain one again.
        to_channels_last = x.dtype == torch.float32 and is_plain_cpu_inference(x)
        if to_channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        outs = []
        for i, (down, stage) in enumerate(zip(self.downsample_layers, self.stages, strict=True)):
            x = stage(down(x))
            if i in self.out_indices:
                outs.append(x.contiguous() if to_channels_last else x)
        return tuple(outs)

    def _freeze_stages(self) -> None:
        for i in range(min(self.frozen_stages + 1, len(self.stages))):
            for part in (self.downsample_layers[i], self.stages[i]):
                part.eval()
                part.requires_grad_(False)

    def train(self, mode: bool = True) -> ESpikeFormer:
        """Set the training mode; frozen stages, and BN with ``norm_eval``, stay in eval mode."""
        super().train(mode)
        self._freeze_stages()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

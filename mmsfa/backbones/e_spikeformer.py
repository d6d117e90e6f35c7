"""E-SpikeFormer: the spiking transformer backbone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from mmsfa.layers import RepConv, SpikeConv, SpikeConvBlock, SpikeTransformerBlock
from mmsfa.layers.coupling import Stage
from mmsfa.layers.masked import visible_at
from mmsfa.layers.spike_conv import LayerCfg, is_plain_cpu_inference
from mmsfa.neurons.functional.checks import is_number
from mmsfa.neurons.real_time import OutTime, time_to_batch, with_time

from .arch import SETTINGS, Arch
from .staged import StagedBackbone


@MODELS.register_module()
class ESpikeFormer(StagedBackbone):
    """E-SpikeFormer, five stages: three of convolution blocks, two of transformer blocks.

    Source: Yao et al., "Scaling Spike-driven Transformer with Efficient Spike Firing
    Approximation Training", https://arxiv.org/abs/2411.16061.

    Every shortcut adds real membrane potentials, every branch starts with a neuron. The outputs
    are membrane potentials too: what follows puts its own neuron in front.

    Args:
        arch: ``'tiny'`` (2.6M), ``'5m'``, ``'10m'``, ``'19m'``, ``'30m'``, ``'52m'`` (base
            family), ``'83m'``, ``'173m'``, ``'173m_w192'`` (large family), or a dict, see
            :class:`Arch`.
        in_channels: Channels of the input (of one time step).
        out_indices: Which of the five maps are returned: 0 = C0/2 at stride 2, 1 = C0 at 4,
            2 = C1 at 8, 3 = C2 at 16, 4 = C3 at 16 (32 with ``stage4_stride=2``; the large family
            has C2 at 32 there, from a layer that is not published). Stages after the last one
            are not built.
        frozen_stages: Stages 0..frozen_stages are frozen and in eval mode; -1 freezes none.
        neuron_cfg: Config of the neurons; None is the published one of the family,
            ``dict(type='ReLU')`` gives the ANN twin.
        attn_cfg: Config of the attention; what it leaves out of a ``SpikeDrivenSelfAttention`` is
            as published in the family. ``token_norm`` counts tokens at stride 16.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations.
        stage4_stride: Stride of the last stage: 1 as published (base family), or 2 for a true
            stride of 32 (always in the large family).
        T: Number of real time steps. The neurons get it, too.
        out_time: What becomes of time in the maps: ``'mean'`` over the steps, so that any neck or
            head can follow, or ``'batch'``: it stays in the batch axis.
        deploy: Build the form for inference, in which each :class:`RepConv` is one convolution.
        out_norm: Put a norm behind each returned map, as Swin and ConvNeXt do in dense tasks: the
            maps are raw sums of membrane potentials, and the neurons of a neck or head cannot
            choose their range. It stands in front of the mean over time. Off where published
            weights are loaded: they have none.
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
        - Input: (B, T*in_channels, H, W), time is the slow part of the channel axis; or a still
          image (B, in_channels, H, W), which is shown T times.
        - Output: tuple of (B, C_i, H / s_i, W / s_i), membrane potentials; the first axis is T*B,
          time slow, with ``out_time='batch'``.

    Raises:
        ValueError: An argument is out of its range.
    """

    arch_settings = SETTINGS
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
        stage4_stride: int | None = None,
        drop_path_rate: float = 0.0,
        layer_scale_init: float | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        T: int = 1,
        out_time: OutTime = 'mean',
        deploy: bool = False,
        out_norm: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        settings = Arch.of(arch)
        channels, depths = settings.channels, settings.depths
        if stage4_stride is None:
            stage4_stride = settings.stage4_strides[0]
        if stage4_stride not in settings.stage4_strides:
            raise ValueError(
                'stage4_stride must be 1 (the last map stays at stride 16; not in the large '
                f'family) or 2 (stride 32), got {stage4_stride!r}.'
            )
        if not (is_number(drop_path_rate, 0) and drop_path_rate < 1):
            raise ValueError(
                f'drop_path_rate (a probability) must lie in [0, 1), got {drop_path_rate!r}.'
            )
        strides = (2, 4, 8, 16, 16 * stage4_stride)
        super().__init__(
            channels,
            strides[: len(depths)],
            in_channels=in_channels,
            out_indices=out_indices,
            frozen_stages=frozen_stages,
            norm_eval=norm_eval,
            T=T,
            out_time=out_time,
            init_cfg=init_cfg,
        )
        self.arch = settings

        cfg = LayerCfg(
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg or dict(type='BN', requires_grad=True),
            neuron_cfg=with_time(neuron_cfg or self.arch.neuron_cfg, T),
        )
        rep_form = dict(deploy=deploy) if self.arch.rep_convs else {}
        attn_cfg = self.arch.complete_attention(attn_cfg or {}, T)
        if 'rep_ratio' in attn_cfg:
            attn_cfg = dict(attn_cfg, **rep_form)
        transformer_cfg = dict(
            self.arch.transformer_block,
            layer_scale_init=layer_scale_init,
            with_cp=with_cp,
            **rep_form,
            **cfg,
        )
        conv_block_cfg = dict(self.arch.conv_block, with_cp=with_cp, **cfg)
        num_transformer_blocks = sum(depths[self.num_conv_stages :])
        drop_paths = iter(np.linspace(0, drop_path_rate, num_transformer_blocks).tolist())

        for i in range(self.out_indices[-1] + 1):
            stride = stage4_stride if i == 4 else 2
            if i == 0:  # the image is no spike train: no neuron in front
                down = SpikeConv(
                    in_channels,
                    channels[0],
                    7,
                    stride=2,
                    bias=True,
                    conv_cfg=conv_cfg,
                    norm_cfg=cfg['norm_cfg'],
                    neuron_cfg=None,
                )
            else:
                down = SpikeConv(channels[i - 1], channels[i], 3, stride=stride, bias=True, **cfg)
            if i < self.num_conv_stages:
                blocks = [SpikeConvBlock(channels[i], **conv_block_cfg) for _ in range(depths[i])]
            else:
                blocks = [
                    SpikeTransformerBlock(
                        channels[i],
                        drop_path=next(drop_paths),
                        attn_cfg=_at_stride(attn_cfg, strides[i]),
                        **transformer_cfg,
                    )
                    for _ in range(depths[i])
                ]
            self.downsample_layers.append(down)
            self.stages.append(Stage(*blocks))
        if out_norm:
            self.add_out_norms(cfg['norm_cfg'])
        self.freeze_parts()

    def forward(self, x: Tensor, visible: Tensor | None = None) -> tuple[Tensor, ...]:
        """Give one membrane potential map for each of ``out_indices``.

        Args:
            x: Image or event tensor, shape (B, T*C, H, W).
            visible: Which tokens are seen in masked pre-training, shape (T*B, 1, H/16, W/16),
                bool. The others stay zero through all convolution stages; the transformer
                blocks are dense. None sees everything.
        """
        if self.T > 1:
            x = time_to_batch(x, self.T, self.in_channels)
        if visible is not None:
            x = x * visible_at(visible, x)
        # A CPU convolves float32 faster in this layout (and float64 slower); mmcv's operators for
        # it expect the plain one again.
        to_channels_last = x.dtype == torch.float32 and is_plain_cpu_inference(x)
        if to_channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        outs = []
        for i, (down, stage) in enumerate(zip(self.downsample_layers, self.stages, strict=True)):
            # The layer that leads to the transformer blocks still sees the hidden tokens as zeros.
            x = down(x, visible if i <= self.num_conv_stages else None)
            masked = visible if i < self.num_conv_stages else None
            x = stage(x, masked)
            if i in self.out_indices:
                outs.append(self.out_map(i, x.contiguous() if to_channels_last else x, masked))
        return tuple(outs)

    def switch_to_deploy(self) -> None:
        """Merge each :class:`RepConv` into one convolution, in place, as mmpretrain's RepVGG does.

        The maps stay the same (BN in evaluation mode); training is over after it.
        """
        for module in self.modules():
            if isinstance(module, RepConv):
                module.switch_to_deploy()

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Depth of a parameter for layer-wise learning-rate decay.

        As published: everything before the first transformer block is layer 0, transformer block
        i is layer i + 1, what follows is the last one. The norms of the maps belong to what
        follows: no published weights have them, so that they learn as fast as a head.

        Args:
            param_name: Name of a parameter of the whole model.
            prefix: Prefix of the backbone's parameters in it.

        Returns:
            The layer and the number of layers.
        """
        first = self.num_conv_stages
        num_blocks = self.arch.depths[first : len(self.stages)]
        num_layers = sum(num_blocks) + 2
        if not param_name.startswith(prefix):
            return num_layers - 1, num_layers
        part, stage, block, *_ = param_name.removeprefix(prefix).split('.')
        if part == 'out_norms':
            return num_layers - 1, num_layers
        before = sum(num_blocks[: int(stage) - first])
        if int(stage) < first or (part == 'downsample_layers' and before == 0):
            return 0, num_layers
        if part == 'downsample_layers':  # goes with the block that it feeds
            return before + 1, num_layers
        return before + int(block) + 1, num_layers


def _at_stride(attn_cfg: dict, stride: int) -> dict:
    """The attention of a stage: a picture has fewer tokens at a larger stride than at 16."""
    if stride == 16 or attn_cfg.get('token_norm') is None:
        return attn_cfg
    return dict(attn_cfg, token_norm=attn_cfg['token_norm'] * (16 / stride) ** 2)

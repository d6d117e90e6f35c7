"""SNN-ViT: a spiking transformer with saccadic attention and a global-local stem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from mmpretrain.registry import MODELS
from torch import nn

from mmsfa.layers import SpikeTransformerBlock
from mmsfa.layers.coupling import Residual
from mmsfa.layers.global_local import GLSPS, check_stem_channels
from mmsfa.layers.spike_conv import LayerCfg
from mmsfa.neurons.functional.checks import is_number
from mmsfa.neurons.real_time import OutTime, with_time

from .arch import complete_attention
from .stem_and_blocks import LIF, STRIDES, StemAndBlocks

Stem = Literal['cifar', 'imagenet']
# Stride of each of the four stages, and the map that it leads to.
STEMS: dict[str, tuple[tuple[int, int], ...]] = {
    'cifar': ((1, 0), (1, 0), (2, 0), (2, 0)),
    'imagenet': ((2, 0), (2, 0), (2, 1), (2, 2)),
}


@MODELS.register_module()
class SNNViT(StemAndBlocks):
    """SNN-ViT: a stem of near and dilated convolutions, then blocks of attention and MLP.

    Source: Wang et al., "Spiking Vision Transformer with Saccadic Attention",
    https://arxiv.org/abs/2502.12677. Attention, stem and block follow what is published of them.
    Not published, and ours: the channels of the stem, the projection behind the attention, and with
    them the expansion of the MLPs (the configs take that whose number of parameters comes near the
    published one). **No published weights fit, and no result is claimed.**

    Ours are the maps for dense tasks, too, at strides 4, 8, 16 and 32: stages of the stem, the
    blocks, and one spiking convolution of stride 2 for each map behind them.

    Args:
        channels: Channels C of the blocks, a multiple of 8.
        depth: Number of blocks.
        stem: ``'imagenet'`` (blocks at stride 16) or ``'cifar'`` (at stride 4, for 32 x 32 pixels).
        mlp_ratio: Expansion of the MLPs.
        in_channels: Channels of the input (of one time step).
        out_indices: Which of the four maps are returned: i has stride 4 * 2^i. Stages after the
            last one are not built.
        frozen_stages: What leads to the maps 0..frozen_stages is frozen and in eval mode; -1
            freezes none.
        neuron_cfg: Config of the neurons; None is LIF with tau 2.
        attn_cfg: Config of the attention, or parts of it; None is
            :class:`mmsfa.layers.attention.SaccadicAttention`, version 2.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations.
        drop_path_rate: Drop rate of the last block; it grows linearly from 0.
        norm_eval: Keep BN in eval mode during training.
        with_cp: Recompute each block in backward instead of keeping its activations.
        T: Number of real time steps; the mix of the attention belongs to them.
        out_time: What becomes of time in the maps: ``'mean'`` or ``'batch'``.
        out_norm: Put a norm behind each returned map, as :class:`ESpikeFormer` does.
        init_cfg: Config of the initialisation.

    Shape:
        - Input: (B, T*in_channels, H, W), time is the slow part of the channel axis; or a still
          image (B, in_channels, H, W), which is shown T times.
        - Output: tuple of (B, C_i, H / s_i, W / s_i), membrane potentials; the first axis is T*B,
          time slow, with ``out_time='batch'``.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        channels: int = 384,
        depth: int = 8,
        stem: Stem = 'imagenet',
        mlp_ratio: float = 4,
        in_channels: int = 3,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        neuron_cfg: dict | None = None,
        attn_cfg: dict | None = None,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        drop_path_rate: float = 0.0,
        norm_eval: bool = False,
        with_cp: bool = False,
        T: int = 4,
        out_time: OutTime = 'mean',
        out_norm: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        check_stem_channels(channels)
        if stem not in STEMS:
            raise ValueError(f"stem must be 'cifar' or 'imagenet', got {stem!r}.")
        if not (is_number(mlp_ratio) and mlp_ratio * channels >= 1):
            raise ValueError(f'mlp_ratio must be greater than 0, got {mlp_ratio!r}.')
        strides, maps = zip(*STEMS[stem], strict=True)
        blocks_at = maps[-1]
        before = (channels // 4, channels // 2)[:blocks_at]
        super().__init__(
            (*before, *[channels] * (4 - len(before))),
            STRIDES,
            in_channels=in_channels,
            out_indices=out_indices,
            frozen_stages=frozen_stages,
            norm_eval=norm_eval,
            T=T,
            out_time=out_time,
            init_cfg=init_cfg,
        )
        cfg = LayerCfg(
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg or dict(type='BN', requires_grad=True),
            neuron_cfg=with_time(neuron_cfg or LIF, T),
        )
        published = dict(type='mmpretrain.SaccadicAttention', version=2)
        attention = complete_attention(attn_cfg or {}, published, T)

        def block(rate: float) -> nn.Module:
            return SpikeTransformerBlock(
                channels,
                attention,
                local=None,
                mlp_ratio=mlp_ratio,
                mlp_bias=False,
                drop_path=rate,
                with_cp=with_cp,
                **cfg,
            )

        parts = GLSPS(in_channels, channels, strides, **cfg)
        self.build_maps(
            [(at, _given(part)) for at, part in zip(maps, parts, strict=True)],
            blocks_at,
            block,
            channels=channels,
            depth=depth,
            drop_path_rate=drop_path_rate,
            coupling=Residual(),
            cfg=cfg,
            out_norm=out_norm,
        )

    def picture_layers(self) -> list[nn.Module]:
        """Both layers that read the picture."""
        first: Any = next(self.downsample_layers[0].children())
        return [first.local_conv.conv, first.global_conv.conv]


def _given(part: nn.Module) -> Callable[[], nn.Module]:
    return lambda: part

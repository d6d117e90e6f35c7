"""BESTformer: a spiking transformer of binary weights and binary attention maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, get_args

from mmpretrain.registry import MODELS
from torch import nn

from mmsfa.layers import SpikeConv, SpikeTransformerBlock
from mmsfa.layers.attention.binary_map import Map
from mmsfa.layers.coupling import Residual, Reversible
from mmsfa.layers.global_local import check_stem_channels
from mmsfa.layers.pool_conv import SpikePoolConv
from mmsfa.layers.spike_conv import LayerCfg
from mmsfa.neurons.real_time import OutTime, with_time

from .arch import complete_attention
from .stem_and_blocks import LIF, STRIDES, StemAndBlocks

BINARY = dict(
    type='mmpretrain.QuantConv2d', quantizer=dict(type='mmpretrain.BinaryQuantizer', scale='none')
)
Stem = Literal['cifar', 'imagenet']
# Map that each of the four layers behind the first one leads to, and whether it pools.
STEMS: dict[str, tuple[tuple[int, bool], ...]] = {
    'cifar': ((0, False), (0, False), (0, True), (0, True)),
    'imagenet': ((0, True), (0, True), (1, True), (2, True)),
}


@MODELS.register_module()
class BESTformer(StemAndBlocks):
    """BESTformer: a convolution stem, then transformer blocks of one width on two streams.

    Source: Cao et al., "Binary Event-Driven Spiking Transformer",
    https://arxiv.org/abs/2501.05904. All convolutions but the first have weights of one bit. As
    published, ``map='qk'`` has the stem of CIFAR (blocks at stride 4) and ``map='kv'`` that of
    ImageNet (blocks at stride 16).

    Our own are the maps for dense tasks, at strides 4, 8, 16 and 32: stages of the stem; where the
    blocks are, the mean of both streams; and one binary convolution of stride 2 (neuron, 3x3, BN)
    for each map behind them.

    Args:
        channels: Channels C of the blocks, a multiple of 8.
        depth: Number of blocks.
        num_heads: Heads of the attention.
        map: Form of the attention, see :class:`mmsfa.layers.attention.BinaryMapAttention`.
        stem: ``'cifar'`` or ``'imagenet'``; None takes that of ``map``.
        mlp_ratio: Expansion of the MLPs.
        in_channels: Channels of the input (of one time step).
        out_indices: Which of the four maps are returned: i has stride 4 * 2^i. Stages after the
            last one are not built.
        out_streams: What is returned of the two streams behind the blocks: ``'mean'``, or
            ``'both'`` in 2C channels, for :class:`mmsfa.cls.TwoStreamLinearClsHead`.
        frozen_stages: What leads to the maps 0..frozen_stages is frozen and in eval mode; -1
            freezes none.
        neuron_cfg: Config of the neurons; None is the published LIF.
        attn_cfg: Config of the attention, or parts of it.
        conv_cfg: Config of all convolutions but the first, which is an ordinary one; None is a
            binary one.
        norm_cfg: Config of the normalisations.
        reversible: Couple the branches by two streams, as published; False adds them up.
        drop_path_rate: Drop rate of the last block; it grows linearly from 0. The published code
            builds such layers and never calls them: 0 is what was trained.
        norm_eval: Keep BN in eval mode during training.
        with_cp: Recompute each block in backward instead of keeping its activations. It runs
            forwards again and takes no branch back: see
            :class:`mmsfa.layers.coupling.Reversible`.
        T: Number of real time steps; the learnt factors of the attention belong to them.
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
        depth: int = 4,
        num_heads: int = 8,
        map: Map = 'qk',
        stem: Stem | None = None,
        mlp_ratio: int = 4,
        in_channels: int = 3,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        out_streams: Literal['mean', 'both'] = 'mean',
        frozen_stages: int = -1,
        neuron_cfg: dict | None = None,
        attn_cfg: dict | None = None,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        reversible: bool = True,
        drop_path_rate: float = 0.0,
        norm_eval: bool = False,
        with_cp: bool = False,
        T: int = 4,
        out_time: OutTime = 'mean',
        out_norm: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        check_stem_channels(channels)
        if map not in get_args(Map):
            raise ValueError(f"map must be 'qk' or 'kv', got {map!r}.")
        stem = stem or ('cifar' if map == 'qk' else 'imagenet')
        if stem not in STEMS:
            raise ValueError(f"stem must be 'cifar' or 'imagenet', got {stem!r}.")
        if out_streams == 'both' and not reversible:
            raise ValueError(
                "out_streams='both' needs two streams, and reversible=False has one: leave one out."
            )
        widths = (channels // 8, channels // 4, channels // 2, channels, channels)
        layers = STEMS[stem]
        blocks_at = layers[-1][0]
        last = [max((i for i, at in enumerate(layers) if at[0] == m), default=3) for m in range(4)]
        of_maps = [widths[1 + i] for i in last]
        if out_streams == 'both':
            of_maps[blocks_at] *= 2
        super().__init__(
            of_maps,
            STRIDES,
            in_channels=in_channels,
            out_indices=out_indices,
            frozen_stages=frozen_stages,
            norm_eval=norm_eval,
            T=T,
            out_time=out_time,
            init_cfg=init_cfg,
        )
        if out_streams == 'both' and self.out_indices[-1] > blocks_at:
            raise ValueError(
                "out_streams='both' is for the map of the blocks as the last one, "
                f'{blocks_at} with this stem, got out_indices={out_indices!r}.'
            )
        cfg = LayerCfg(
            conv_cfg=conv_cfg or BINARY,
            norm_cfg=norm_cfg or dict(type='BN', requires_grad=True),
            neuron_cfg=with_time(neuron_cfg or LIF, T),
        )
        published = dict(type='mmpretrain.BinaryMapAttention', num_heads=num_heads, map=map)
        attn_cfg = complete_attention(attn_cfg or {}, published, T)
        coupling = Reversible(out_streams) if reversible else Residual()
        # The image is no spike train: no neuron in front, no binary weights.
        first = partial(SpikeConv, in_channels, widths[0], 3, norm_cfg=cfg['norm_cfg'])
        parts: list[tuple[int, Callable[[], nn.Module]]] = [(0, partial(first, neuron_cfg=None))]
        for j, (at, pools) in enumerate(layers):
            layer = SpikePoolConv if pools else partial(SpikeConv, kernel_size=3)
            parts.append((at, partial(layer, widths[j], widths[j + 1], **cfg)))

        def block(rate: float) -> nn.Module:
            return SpikeTransformerBlock(
                channels,
                attn_cfg,
                local=None,
                mlp_ratio=mlp_ratio,
                mlp_bias=False,
                drop_path=rate,
                with_cp=with_cp,
                coupling=coupling,
                **cfg,
            )

        self.build_maps(
            parts,
            blocks_at,
            block,
            channels=channels,
            depth=depth,
            drop_path_rate=drop_path_rate,
            coupling=coupling,
            cfg=cfg,
            out_norm=out_norm,
        )

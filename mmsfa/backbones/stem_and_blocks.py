"""What BESTformer and SNN-ViT share: a stem, blocks of one width on one map, a layer a map more."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from torch import Tensor, nn

from mmsfa.layers import SpikeConv
from mmsfa.layers.coupling import Residual, Stage
from mmsfa.layers.spike_conv import LayerCfg
from mmsfa.neurons.functional.checks import is_count, is_number
from mmsfa.neurons.real_time import time_to_batch

from .staged import StagedBackbone

# Of SpikingJelly's directly trained transformers, which BESTformer and SNN-ViT train with.
LIF = dict(type='mmpretrain.LIF', tau=2.0, detach_reset=True)
STRIDES = (4, 8, 16, 32)


class StemAndBlocks(StagedBackbone):
    """A backbone whose transformer blocks all stand on one of its maps.

    The stem leads to that map, by way of those in front of it; each map behind it has one spiking
    convolution of stride 2 (our own, for dense tasks).
    """

    def build_maps(
        self,
        stem: Iterable[tuple[int, Callable[[], nn.Module]]],
        blocks_at: int,
        block: Callable[[float], nn.Module],
        *,
        channels: int,
        depth: int,
        drop_path_rate: float,
        coupling: Residual,
        cfg: LayerCfg,
        out_norm: bool,
    ) -> None:
        """Build all that leads to the returned maps, and freeze what is to be frozen.

        Args:
            stem: Layers in order: the number of the map that each leads to, and what builds it.
            blocks_at: The map of the blocks.
            block: Builds a block from its drop path rate.
            channels: Channels C of the blocks and of the maps behind them.
            depth: Number of blocks.
            drop_path_rate: Drop rate of the last block; it grows linearly from 0.
            coupling: Of the blocks.
            cfg: Settings of the layers behind the blocks.
            out_norm: Put a norm behind each returned map.

        Raises:
            ValueError: The depth is no number of blocks, or the drop rate no probability below 1.
        """
        if not (depth == 0 or is_count(depth)):
            raise ValueError(f'depth (of blocks) must be a whole number from 0 on, got {depth!r}.')
        if not (is_number(drop_path_rate, 0) and drop_path_rate < 1):
            raise ValueError(
                f'drop_path_rate (a probability) must lie in [0, 1), got {drop_path_rate!r}.'
            )
        layers = list(stem)
        for i in range(self.out_indices[-1] + 1):
            down = nn.Sequential(*(layer() for at, layer in layers if at == i))
            if i > blocks_at:
                down.append(SpikeConv(channels, channels, 3, stride=2, **cfg))
            rates = np.linspace(0, drop_path_rate, depth).tolist() if i == blocks_at else ()
            blocks = [block(rate) for rate in rates]
            self.downsample_layers.append(down)
            self.stages.append(Stage(*blocks, coupling=coupling if blocks else None))
        if out_norm:
            self.add_out_norms(cfg['norm_cfg'])
        self.freeze_parts()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give one membrane potential map for each of ``out_indices``.

        Args:
            x: Image or event tensor, shape (B, T*C, H, W).
        """
        if self.T > 1:
            x = time_to_batch(x, self.T, self.in_channels)
        outs = []
        for i, (down, stage) in enumerate(zip(self.downsample_layers, self.stages, strict=True)):
            x = stage(down(x))
            if i in self.out_indices:
                outs.append(self.out_map(i, x))
        return tuple(outs)

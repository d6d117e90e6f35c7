"""What backbones with all blocks on one map share."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from mmsfa.backbones.stem_and_blocks import StemAndBlocks
from mmsfa.layers import SpikeConv
from mmsfa.layers.coupling import Residual
from mmsfa.layers.global_local import check_stem_channels
from mmsfa.layers.spike_conv import LayerCfg

CFG = LayerCfg(conv_cfg=None, norm_cfg=dict(type='BN'), neuron_cfg=dict(type='mmpretrain.SFA', T=2))


class Small(StemAndBlocks):
    """Two layers that lead to map 0, one to map 1; the blocks stand there."""

    def __init__(self, last: int = 3, drop_path_rate: float = 0.2, out_norm: bool = False) -> None:
        super().__init__(
            (4, 8, 8, 8),
            (2, 4, 8, 16),
            in_channels=3,
            out_indices=range(last + 1),
            frozen_stages=0,
            norm_eval=False,
            T=2,
            out_time='mean',
            init_cfg=None,
        )
        self.built: list[float] = []
        plain = partial(nn.Conv2d, kernel_size=3, padding=1)
        self.build_maps(
            [
                (0, partial(plain, 3, 4)),
                (0, partial(plain, 4, 4, stride=2)),
                (1, partial(plain, 4, 8, stride=2)),
            ],
            1,
            self.block,
            channels=8,
            depth=3,
            drop_path_rate=drop_path_rate,
            coupling=Residual(),
            cfg=CFG,
            out_norm=out_norm,
        )

    def block(self, rate: float) -> nn.Module:
        self.built.append(rate)
        return nn.Identity()


def test_each_map_has_its_layers_and_one_the_blocks() -> None:
    made = Small(out_norm=True)
    assert [len(down) for down in made.downsample_layers] == [2, 1, 1, 1]
    assert [len(stage) for stage in made.stages] == [0, 3, 0, 0]
    assert made.built == pytest.approx([0, 0.1, 0.2])
    for i in (2, 3):
        assert isinstance(made.downsample_layers[i][0], SpikeConv)
    maps = made.eval()(torch.randn(1, 6, 32, 32))
    assert [tuple(one.shape[1:]) for one in maps] == [(4, 16, 16), (8, 8, 8), (8, 4, 4), (8, 2, 2)]
    assert all(len(one) == 1 for one in maps), 'the mean of both steps'
    frozen = [any(p.requires_grad for p in down.parameters()) for down in made.downsample_layers]
    assert frozen == [False, True, True, True] and len(made.out_norms) == 4
    first = Small(last=0)
    assert len(first.stages) == 1 and first.built == []


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r'drop_path_rate .* must lie in \[0, 1\), got 1'):
        Small(drop_path_rate=1)
    for channels in (12, 0):
        with pytest.raises(ValueError, match=f'multiple of 8 .*got {channels}'):
            check_stem_channels(channels)

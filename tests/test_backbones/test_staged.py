"""What backbones of numbered maps share."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmsfa.backbones import StagedBackbone


class Two(StagedBackbone):
    """Two maps of one convolution each."""

    def __init__(self, **settings: Any) -> None:
        usual = dict(in_channels=3, out_indices=(0, 1), frozen_stages=-1, norm_eval=False, T=1)
        settings = {**usual, 'out_time': 'mean', 'init_cfg': None, **settings}
        super().__init__((4, 6), (2, 4), **settings)
        for i in range(self.out_indices[-1] + 1):
            channels = (3, 4, 6)[i : i + 2]
            self.downsample_layers.append(nn.Conv2d(*channels, 3, 2, 1))
            self.stages.append(nn.BatchNorm2d(channels[1]))
        self.add_out_norms(dict(type='BN'))
        self.freeze_parts()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        outs = []
        for i, (down, stage) in enumerate(zip(self.downsample_layers, self.stages, strict=True)):
            x = stage(down(x))
            if i in self.out_indices:
                outs.append(self.out_map(i, x))
        return tuple(outs)


def test_maps_in_order_with_their_channels_and_strides() -> None:
    both = Two(out_indices=(1, 0))
    assert (both.out_indices, both.out_channels, both.out_strides) == ((0, 1), (4, 6), (2, 4))
    last = Two(out_indices=[1])
    assert (last.out_channels, last.out_strides, list(last.out_norms)) == ((6,), (4,), ['1'])
    assert len(Two(out_indices=(0,)).stages) == 1


def test_a_returned_map_is_normed_and_averaged_over_time() -> None:
    made, x = Two(T=3).eval(), torch.randn(6, 3, 8, 8)
    made.out_norms['1'].running_mean.fill_(2.0)
    with_time = Two(T=3, out_time='batch').eval()
    with_time.load_state_dict(made.state_dict())
    for mean, each in zip(made(x), with_time(x), strict=True):
        assert each.shape[0] == 6
        torch.testing.assert_close(mean, each.unflatten(0, (3, 2)).mean(0))
    assert made(x)[1].mean() < -1


@pytest.mark.parametrize('frozen', [-1, 0, 1])
def test_frozen_parts_stay_in_evaluation_mode(frozen: int) -> None:
    made = Two(frozen_stages=frozen).train()
    for i in range(2):
        for part in (made.downsample_layers[i], made.stages[i], made.out_norms[str(i)]):
            assert part.training is (i > frozen)
            assert all(weight.requires_grad is (i > frozen) for weight in part.parameters())


def test_norms_in_evaluation_mode() -> None:
    made = Two(norm_eval=True).train()
    assert made.training and not any(stage.training for stage in made.stages)
    assert all(down.training for down in made.downsample_layers)


def test_no_checkpoint_is_no_initialisation() -> None:
    assert Two(init_cfg=dict(type='Pretrained', checkpoint=None)).init_cfg is None


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(out_indices=(0, 0)), r'different maps of 0\.\.1 \(0 is the map at stride 2\)'),
        (dict(out_indices=2), r'different maps of 0\.\.1'),
        (dict(frozen_stages=2), r'frozen_stages must lie in -1\.\.1'),
        (dict(T=0), 'T'),
        (dict(out_time='sum'), "out_time must be 'mean' or 'batch'"),
    ],
)
def test_wrong_arguments(settings: dict, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        Two(**settings)

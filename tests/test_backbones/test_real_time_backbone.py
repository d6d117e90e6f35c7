"""What the convolutional spiking backbones share: indices, time, neurons."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from mmsfa.backbones.real_time_backbone import PUBLISHED_NEURON, RealTimeBackbone


class Halves(RealTimeBackbone):
    """Gives its input times 1, 2 and 3."""

    def __init__(self, out_indices=(0, 1, 2), T=2, out_time='mean', init_cfg=None) -> None:
        super().__init__(3, T, out_time, init_cfg)
        self.out_indices = self.check_indices(out_indices, 3)

    def maps(self, x: Tensor) -> Iterator[Tensor]:
        for factor in (1, 2, 3):
            yield x * factor


def test_time_goes_into_the_batch_and_becomes_a_mean() -> None:
    events = torch.randn(2, 2 * 3, 4, 4)
    first, second = events[:, :3], events[:, 3:]
    one, three = Halves((2, 0))(events)
    assert torch.allclose(one, (first + second) / 2) and torch.allclose(three, 3 * one)
    (steps,) = Halves((0,), out_time='batch')(events)
    assert torch.equal(steps, torch.cat([first, second]))
    (still,) = Halves((0,))(first)  # shown twice
    assert torch.allclose(still, first)


def test_neurons_get_the_time_steps() -> None:
    cfg = Halves(T=3).layer_cfg(None, None, None)
    assert cfg['neuron_cfg'] == dict(PUBLISHED_NEURON, T=3) and cfg['norm_cfg']['type'] == 'BN'
    assert Halves().layer_cfg(None, None, dict(type='ReLU'))['neuron_cfg'] == dict(type='ReLU')


def test_no_checkpoint_is_from_scratch() -> None:
    assert Halves(init_cfg=dict(type='Pretrained', checkpoint=None)).init_cfg is None


@pytest.mark.parametrize('wrong', [(), (0, 0), (3,), 1])
def test_wrong_indices_get_a_sentence(wrong) -> None:
    with pytest.raises(ValueError, match=r'out_indices must name different maps of 0\.\.2'):
        Halves(wrong)
    with pytest.raises(ValueError, match='T .the number of real time steps. must be'):
        Halves(T=0)

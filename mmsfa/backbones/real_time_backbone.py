"""What the convolutional spiking backbones share: time in, maps of spikes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mmengine.model import BaseModule
from torch import Tensor

from mmsfa.layers.spike_conv import LayerCfg
from mmsfa.neurons.functional import check_time
from mmsfa.neurons.real_time import (
    OutTime,
    RealTime,
    checked_out_time,
    mean_over_time,
    time_to_batch,
    with_time,
)

# Of TET, which Q-SNN and QP-SNN train with: u = v / 2 + x, spikes above 1, a triangle for slope.
PUBLISHED_NEURON = dict(
    type='mmpretrain.LIF', tau=2.0, decay_input=False, surrogate='triangle', strict=True
)


class RealTimeBackbone(RealTime, BaseModule):
    """Base of backbones whose layers end with a neuron, over T real time steps.

    Args:
        in_channels: Channels of one time step.
        T: Number of real time steps. The neurons get it, too.
        out_time: What becomes of time in the maps, see
            :class:`~mmsfa.neurons.real_time.RealTime`.
        init_cfg: Config of the initialisation; with ``checkpoint=None`` it starts from scratch.

    Raises:
        ValueError: An argument is out of its range.
    """

    out_indices: tuple[int, ...]

    def __init__(
        self, in_channels: int, T: int, out_time: OutTime, init_cfg: dict | list[dict] | None
    ) -> None:
        if isinstance(init_cfg, dict) and init_cfg.get('checkpoint', '') is None:
            init_cfg = None
        super().__init__(init_cfg)
        check_time(T, beta=0)
        self.in_channels = in_channels
        self.step_channels = in_channels
        self.T = T
        self.out_time = checked_out_time(out_time)

    def layer_cfg(
        self, conv_cfg: dict | None, norm_cfg: dict | None, neuron_cfg: dict | None
    ) -> LayerCfg:
        """Settings of all layers, with the published ones where there are none."""
        return LayerCfg(
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg or dict(type='BN', requires_grad=True),
            neuron_cfg=with_time(neuron_cfg or PUBLISHED_NEURON, self.T),
        )

    def check_indices(self, out_indices: Sequence[int], number: int) -> tuple[int, ...]:
        """Which maps are returned, in order.

        Raises:
            ValueError: They are not different ones of 0..number - 1.
        """
        found = set(out_indices) if isinstance(out_indices, Sequence) else set()
        if not 0 < len(found & set(range(number))) == len(out_indices):
            raise ValueError(
                f'out_indices must name different maps of 0..{number - 1}, got {out_indices!r}.'
            )
        return tuple(sorted(found))

    def maps(self, x: Tensor) -> Iterable[Tensor]:
        """All maps, one after the other, (T*B, C_i, H_i, W_i)."""
        raise NotImplementedError(f'{type(self).__name__} must give its maps.')

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give one map for each of ``out_indices``.

        Args:
            x: Image or event tensor, shape (B, T*C, H, W).
        """
        if self.T > 1:
            x = time_to_batch(x, self.T, self.in_channels)
        outs = [x for i, x in enumerate(self.maps(x)) if i in self.out_indices]
        if self.T > 1 and self.out_time == 'mean':
            outs = [mean_over_time(out, self.T) for out in outs]
        return tuple(outs)

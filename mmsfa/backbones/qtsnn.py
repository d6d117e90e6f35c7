"""QT-SNN: a small network of ternary neurons over a signal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.layers import SpikeConv
from mmsfa.neurons.real_time import OutTime, with_time

from .real_time_backbone import RealTimeBackbone


@MODELS.register_module()
class QTSNN(RealTimeBackbone):
    """Convolutions along a signal with BN and a ternary neuron, one after the other.

    QT-SNN (https://arxiv.org/abs/2407.05310) has signed spikes, and weights and membranes of few
    bits, each with a scale of its own: ``quantization`` of the config gives the weights theirs,
    ``state_quant`` of the neuron the membranes. Published without code, and its text was not at
    hand: widths, kernels and scales are **a reconstruction of ours**.

    Args:
        in_channels: Channels of one time step.
        channels: Widths of the convolutions.
        kernel_sizes: Their odd kernels, or one for all.
        strides: Their strides, or one for all.
        spikes_in: Whether -1, 0 and +1 come in, as an encoder gives them; False lets the first
            convolution multiply real values.
        out_indices: Which maps are returned, those behind each convolution; -1 is the last one.
        neuron_cfg: Config of the neurons; None is a `TernaryLIF`. With an ordinary activation and
            ``spikes_in=False`` it is an ordinary network.
        conv_cfg: Config of the convolutions; None is ``Conv1d``.
        norm_cfg: Config of the normalisations; None is ``BN1d``.
        T: Number of real time steps. The neurons get it, too.
        out_time: What becomes of time in the maps: the ``'mean'`` over the steps, or ``'batch'``:
            it stays in the batch axis.
        init_cfg: Config of the initialisation.

    Attributes:
        features: The convolutions.
        out_channels: Channels of each returned map.

    Shape:
        - Input: (B, T*in_channels, 1, L), as `SignalToImage` gives it, or (B, T*in_channels, L);
          time is the slow part of the channel axis.
        - Output: tuple of (T*B, C_i, L_i), time slow; (B, C_i, L_i) with ``out_time='mean'``.

    Raises:
        ValueError: An argument is out of its range, or the input is no signal.
    """

    def __init__(
        self,
        in_channels: int = 1,
        channels: Sequence[int] = (64, 96, 128),
        kernel_sizes: int | Sequence[int] = 5,
        strides: int | Sequence[int] = (1, 2, 2),
        spikes_in: bool = True,
        out_indices: Sequence[int] = (-1,),
        neuron_cfg: dict | None = None,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        T: int = 2,
        out_time: OutTime = 'batch',
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, T, out_time, init_cfg)
        number = len(channels)
        kernels = self._each('kernel_sizes', kernel_sizes, number)
        if any(kernel % 2 == 0 for kernel in kernels):
            raise ValueError(f'kernel_sizes must be odd, got {kernel_sizes!r}.')
        indices = [i + number if i < 0 else i for i in out_indices]
        self.out_indices = self.check_indices(indices, number)
        cfg = self.layer_cfg(
            conv_cfg or dict(type='Conv1d'),
            norm_cfg or dict(type='BN1d'),
            neuron_cfg or dict(type='mmpretrain.TernaryLIF'),
        )
        spikes = dict(type='mmpretrain.TernaryInput')
        self.input = MODELS.build(with_time(spikes, T)) if spikes_in else nn.Identity()
        self.features = nn.ModuleList()
        widths = (in_channels, *channels)
        steps = zip(widths, channels, kernels, self._each('strides', strides, number), strict=False)
        for before, width, kernel, stride in steps:
            order = ('conv', 'norm', 'act')
            layer = SpikeConv(before, width, kernel, stride=stride, bias=False, order=order, **cfg)
            self.features.append(layer)
        self.out_channels = tuple(channels[i] for i in self.out_indices)

    @staticmethod
    def _each(name: str, value: int | Sequence[int], number: int) -> list[int]:
        values = [value] * number if isinstance(value, int) else list(value)
        if not number or len(values) != number or min(values) < 1:
            raise ValueError(
                f'{name} must be a number >= 1, or one for each of the {number} convolutions, got '
                f'{value!r}.'
            )
        return values

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Give one map for each of ``out_indices``.

        Args:
            x: (B, T*C, 1, L) or (B, T*C, L).
        """
        if x.dim() == 3:
            x = x.unsqueeze(2)
        if x.dim() != 4 or x.shape[2] != 1:
            raise ValueError(
                'QTSNN takes signals of shape (B, T*C, 1, L), got '
                f'{tuple(x.shape)}: SignalToImage makes them.'
            )
        return super().forward(x)

    def maps(self, x: Tensor) -> Iterator[Tensor]:
        """The spikes behind each convolution, (T*B, C_i, L_i)."""
        x = self.input(x.squeeze(2))
        for layer in self.features:
            x = layer(x)
            yield x

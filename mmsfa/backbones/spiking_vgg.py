"""The plain convolutional networks of binary neurons of TET, Q-SNN and QP-SNN: VGG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.layers import SpikeConv
from mmsfa.layers.spike_pool import SpikeMaxPool2d
from mmsfa.neurons.real_time import OutTime

from .real_time_backbone import RealTimeBackbone

# Of TET and Q-SNN for event cameras; its last pooling is the one in front of the classifier.
VGG_SNN = (64, 128, 'A', 256, 256, 'A', 512, 512, 'A', 512, 512, 'A')


@MODELS.register_module()
class SpikingVGG(RealTimeBackbone):
    """Convolutions of 3 x 3 with BN and a neuron, one after the other, and poolings in between.

    Sources: VGG-SNN of TET, https://arxiv.org/abs/2202.11946, which Q-SNN quantises,
    https://arxiv.org/abs/2406.13672; with max pooling and ``stem_bias`` that of QP-SNN,
    https://arxiv.org/abs/2502.05905.

    Args:
        plan: Widths of the convolutions, ``'M'`` and ``'A'`` for a max or mean pooling of 2 x 2.
            Max pooling gives spikes; behind mean pooling the next layer multiplies.
        in_channels: Channels of the input (of one time step).
        out_indices: Which maps are returned: those behind each step of the plan, poolings too; -1
            is the last one, and numbers below 0 count from there.
        stem_bias: Whether the first convolution has a bias.
        neuron_cfg: Config of the neurons; None is the published one, a LIF.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations.
        T: Number of real time steps. The neurons get it, too.
        out_time: What becomes of time in the maps: ``'mean'`` over the steps, or ``'batch'``: it
            stays in the batch axis, for a classifier of each step.
        init_cfg: Config of the initialisation.

    Attributes:
        features: Convolutions and poolings by their place in the plan.
        out_channels: Channels of each returned map.
        out_strides: Stride of each returned map.

    Shape:
        - Input: (B, T*in_channels, H, W), time is the slow part of the channel axis; or a still
          image (B, in_channels, H, W), which is shown T times.
        - Output: tuple of (B, C_i, H / s_i, W / s_i); the first axis is T*B, time slow, with
          ``out_time='batch'``.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        plan: Sequence[int | str] = VGG_SNN,
        in_channels: int = 3,
        out_indices: Sequence[int] = (-1,),
        stem_bias: bool = False,
        neuron_cfg: dict | None = None,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        T: int = 4,
        out_time: OutTime = 'mean',
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, T, out_time, init_cfg)
        if not plan or not isinstance(plan[0], int):
            raise ValueError(f'plan must begin with the width of a convolution, got {plan!r}.')
        indices = [i + len(plan) if i < 0 else i for i in out_indices]
        self.out_indices = self.check_indices(indices, len(plan))
        cfg = self.layer_cfg(conv_cfg, norm_cfg, neuron_cfg)
        self.features = nn.ModuleList()
        sizes = []
        channels, stride, neuron = in_channels, 1, nn.Module()
        for width in plan[: self.out_indices[-1] + 1]:
            if isinstance(width, int):
                layer = SpikeConv(
                    channels,
                    width,
                    3,
                    bias=stem_bias and not self.features,
                    order=('conv', 'norm', 'act'),
                    **cfg,
                )
                channels, neuron = width, layer.activate
                self.features.append(layer)
            else:
                stride *= 2
                self.features.append(_pooling(width, neuron))
            sizes.append((channels, stride))
        self.out_channels, self.out_strides = zip(
            *(sizes[i] for i in self.out_indices), strict=True
        )

    def maps(self, x: Tensor) -> Iterator[Tensor]:
        """The map behind each convolution and pooling."""
        for layer in self.features:
            x = layer(x)
            yield x


def _pooling(kind: str, neuron: nn.Module) -> nn.Module:
    if kind == 'M':
        return SpikeMaxPool2d(neuron)
    if kind == 'A':
        return nn.AvgPool2d(2)
    raise ValueError(f"A pooling in plan must be 'M' (max) or 'A' (mean), got {kind!r}.")

"""What all backbones of numbered maps have in common: which maps, what is frozen, what time is."""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.cnn import build_norm_layer
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmsfa.layers.masked import masked_norm, visible_at
from mmsfa.neurons.real_time import OutTime, mean_over_time

from .real_time_backbone import RealTimeBackbone


class StagedBackbone(RealTimeBackbone):
    """A backbone whose ``downsample_layers[i]`` and ``stages[i]`` lead to map i.

    Args:
        channels: Channels of all maps.
        strides: Strides of all maps.
        in_channels: Channels of the input (of one time step).
        out_indices: Which maps are returned. Stages after the last one are not built.
        frozen_stages: What leads to the maps 0..frozen_stages is frozen and in eval mode; -1
            freezes none.
        norm_eval: Keep BN in eval mode during training.
        T: Number of real time steps.
        out_time: What becomes of time in the maps.
        init_cfg: Config of the initialisation; with ``checkpoint=None`` it starts from scratch.

    Attributes:
        out_channels: Channels of each returned map.
        out_strides: Stride of each returned map.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        channels: Sequence[int],
        strides: Sequence[int],
        *,
        in_channels: int,
        out_indices: Sequence[int],
        frozen_stages: int,
        norm_eval: bool,
        T: int,
        out_time: OutTime,
        init_cfg: dict | list[dict] | None,
    ) -> None:
        super().__init__(in_channels, T, out_time, init_cfg)
        number = len(channels)
        note = f' (0 is the map at stride {strides[0]})'
        self.out_indices = self.check_indices(out_indices, number, note)
        if frozen_stages not in range(-1, number):
            raise ValueError(
                f'frozen_stages must lie in -1..{number - 1} (-1 freezes none), '
                f'got {frozen_stages!r}.'
            )
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.out_channels = tuple(channels[i] for i in self.out_indices)
        self.out_strides = tuple(strides[i] for i in self.out_indices)
        self.downsample_layers = nn.ModuleList()
        self.stages = nn.ModuleList()
        self.out_norms = nn.ModuleDict()  # by index of the map

    def add_out_norms(self, norm_cfg: dict) -> None:
        """Put a norm behind each returned map; called once, when all stages are built."""
        for i, channels in zip(self.out_indices, self.out_channels, strict=True):
            self.out_norms[str(i)] = build_norm_layer(norm_cfg, channels)[1]

    def out_map(self, i: int, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """What is returned of map i: normed if there are norms, and averaged over time.

        Args:
            i: Number of the map.
            x: The map, shape (T*B, C_i, H_i, W_i).
            visible: Which tokens are seen in masked pre-training, shape (T*B, 1, h, w), bool.
        """
        if self.out_norms:  # of each step by itself: a stream does not have their mean yet
            norm = self.out_norms[str(i)]
            x = norm(x) if visible is None else masked_norm(norm, x, visible_at(visible, x))
        return mean_over_time(x, self.T) if self.T > 1 and self.out_time == 'mean' else x

    def freeze_parts(self) -> None:
        """Freeze what ``frozen_stages`` names; called when all is built, and by :meth:`train`."""
        for i in range(min(self.frozen_stages + 1, len(self.stages))):
            parts = [self.downsample_layers[i], self.stages[i]]
            if str(i) in self.out_norms:
                parts.append(self.out_norms[str(i)])
            for part in parts:
                part.eval()
                part.requires_grad_(False)

    def train(self, mode: bool = True) -> StagedBackbone:
        """Set the training mode; frozen stages, and BN with ``norm_eval``, stay in eval mode."""
        super().train(mode)
        self.freeze_parts()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

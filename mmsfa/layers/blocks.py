"""The two residual blocks of E-SpikeFormer; shortcuts add membrane potentials."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, Literal

import torch
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from mmsfa.neurons import RunningMean

from .coupling import Branch, Residual
from .mlp import SpikeMLP
from .rep_conv import SpikeRepConv
from .sep_conv import SpikeSepConv
from .spike_conv import SpikeConv


@contextmanager
def kept_statistics(module: nn.Module) -> Iterator[None]:
    """Leave running statistics alone: a recomputed forward pass must not count twice."""
    norms = [m for m in module.modules() if isinstance(m, (_BatchNorm, RunningMean))]
    kept = [
        (norm, norm.momentum, count, count.clone())
        for norm in norms
        for count in [getattr(norm, 'num_batches_tracked', None)]
        if count is not None
    ]
    for norm, *_ in kept:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum, count, before in kept:
            norm.momentum = momentum
            count.copy_(before)


class CoupledBlock(BaseModule):
    """A block that lists its branches and can be checkpointed; a coupling joins them.

    Args:
        with_cp: Recompute the block in backward instead of keeping its activations.
        coupling: How a branch meets what it has read; None adds it (:class:`Residual`).
    """

    def __init__(self, with_cp: bool, coupling: Residual | None = None) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.coupling = coupling or Residual()

    def branches(self, *visible: Tensor | None) -> list[Branch]:
        """The functions that are applied one after the other, each (T*B, C, H, W) -> the same."""
        raise NotImplementedError(f'{type(self).__name__} must list its branches.')

    def _forward(self, state: Any, *visible: Tensor | None) -> Any:
        for branch in self.branches(*visible):
            state = self.coupling.join(state, branch)
        return state

    def forward(self, x: Any, *visible: Tensor | None) -> Any:
        """State of the coupling -> state; with `Residual` a map (T*B, C, H, W) of potentials."""
        streams = (x,) if isinstance(x, Tensor) else x
        needs_grad = torch.is_grad_enabled() and any(one.requires_grad for one in streams)
        if self.with_cp and needs_grad:
            if torch.compiler.is_compiling():  # a compiler updates BN once by itself
                return checkpoint(self._forward, x, *visible, use_reentrant=False)
            return checkpoint(
                self._forward,
                x,
                *visible,
                use_reentrant=False,
                context_fn=lambda: (nullcontext(), kept_statistics(self)),
            )
        return self._forward(x, *visible)


class SpikeConvBlock(CoupledBlock):
    """x + SepConv7(x), then x + conv3x3 4C -> C (conv3x3 C -> 4C (x)).

    Args:
        channels: Channels C.
        ratio: Expansion of the two dense convolutions.
        sep_conv: Whether the first half is there (base family) or not (large family).
        bias: Whether the dense convolutions have a bias (large family).
        with_cp: Recompute the block in backward instead of keeping its activations.
        coupling: How a branch meets what it has read; None adds it.
        **cfg: ``conv_cfg``, ``norm_cfg`` and ``neuron_cfg`` of the layers.
    """

    def __init__(
        self,
        channels: int,
        ratio: int = 4,
        sep_conv: bool = True,
        bias: bool = False,
        with_cp: bool = False,
        coupling: Residual | None = None,
        **cfg: Any,
    ) -> None:
        super().__init__(with_cp, coupling)
        self.sep_conv = SpikeSepConv(channels, kernel_size=7, **cfg) if sep_conv else None
        cfg['bias'] = bias
        self.conv1 = SpikeConv(channels, ratio * channels, 3, **cfg)
        self.conv2 = SpikeConv(ratio * channels, channels, 3, owns_input=True, **cfg)

    def branches(self, *visible: Tensor | None) -> list[Branch]:
        """Separable convolution if there is one, then the two dense convolutions."""
        sep_conv = self.sep_conv
        dense: list[Branch] = [lambda x: self.conv2(self.conv1(x, *visible), *visible)]
        if sep_conv is None:
            return dense
        return [lambda x: sep_conv(x, *visible), *dense]


class SpikeTransformerBlock(CoupledBlock):
    """x + Local(x), then x + Attention(x), then x + MLP(x).

    Args:
        channels: Channels C.
        attn_cfg: Config of the attention; a registered type and its arguments.
        local: What mixes near tokens: ``'sep_conv'`` is SepConv3 (base family), ``'rep_conv'`` two
            1x1 convolutions that become one (83M; published without drop path and layer scale),
            None leaves it out (173M).
        local_ratio: Hidden width / C of ``'rep_conv'``.
        mlp_ratio: Expansion of the MLP.
        mlp_bias: Whether its convolutions have a bias.
        drop_path: Probability of dropping a branch for a sample (and each of its time steps).
        layer_scale_init: Initial value of the layer scale of each branch; None leaves it out.
        with_cp: Recompute the block in backward instead of keeping its activations.
        deploy: Build the merged form of the two 1x1 convolutions.
        coupling: How a branch meets what it has read; None adds it.
        **cfg: ``conv_cfg``, ``norm_cfg`` and ``neuron_cfg`` of the layers.
    """

    def __init__(
        self,
        channels: int,
        attn_cfg: dict,
        local: Literal['sep_conv', 'rep_conv'] | None = 'sep_conv',
        local_ratio: float = 1.0,
        mlp_ratio: float = 4,
        mlp_bias: bool = True,
        drop_path: float = 0.0,
        layer_scale_init: float | None = None,
        with_cp: bool = False,
        deploy: bool = False,
        coupling: Residual | None = None,
        **cfg: Any,
    ) -> None:
        super().__init__(with_cp, coupling)
        self.sep_conv = self.rep_conv = None
        if local == 'sep_conv':
            self.sep_conv = SpikeSepConv(channels, kernel_size=3, **cfg)
        elif local == 'rep_conv':
            hidden = round(local_ratio * channels)
            self.rep_conv = SpikeRepConv(
                channels, channels, hidden, last_norm=False, deploy=deploy, **cfg
            )
        self.attn = MODELS.build(dict(attn_cfg, channels=channels, **cfg))
        self.mlp = SpikeMLP(channels, mlp_ratio, mlp_bias, **cfg)
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()
        self.layer_scales = nn.ModuleList(
            nn.Identity() if layer_scale_init is None else _layer_scale(channels, layer_scale_init)
            for _ in self._scaled_branches()
        )

    def _scaled_branches(self) -> list[nn.Module]:
        branches = (self.sep_conv, self.attn, self.mlp)
        return [branch for branch in branches if branch is not None]

    def branches(self, *visible: Tensor | None) -> list[Branch]:
        """Mixing of near tokens if there is one, attention, MLP; all of them see everything."""
        if visible:
            raise TypeError(
                f'{type(self).__name__} is dense and takes no mask of visible tokens: call it '
                'with the map alone.'
            )
        scaled = zip(self._scaled_branches(), self.layer_scales, strict=True)
        found: list[Branch] = [partial(self._scaled, branch, scale) for branch, scale in scaled]
        return found if self.rep_conv is None else [self.rep_conv, *found]

    def _scaled(self, branch: nn.Module, scale: nn.Module, x: Tensor) -> Tensor:
        return self.drop_path(scale(branch(x)))

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        # A checkpoint that was trained without layer scales behaves as if they were 1; leaving
        # them at 1e-6 would switch the pre-trained block off (the published code does).
        for i, scale in enumerate(self.layer_scales):
            name = f'{prefix}layer_scales.{i}.weight'
            block_is_there = f'{prefix}mlp.fc1.conv.weight' in state_dict
            if not isinstance(scale, nn.Identity) and block_is_there and name not in state_dict:
                state_dict[name] = torch.ones_like(scale.get_parameter('weight'))
        super()._load_from_state_dict(state_dict, prefix, *args)


def _layer_scale(channels: int, start: float) -> nn.Module:
    # Imported here: with it come all models of mmpretrain, which few networks need.
    from mmpretrain.models.utils import LayerScale

    return LayerScale(channels, start, data_format='channels_first')

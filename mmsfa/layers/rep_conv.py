"""Two 1x1 convolutions in training, one at inference."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import Any

import torch
from mmcv.cnn import build_activation_layer, build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmsfa.neurons import SpikingNeuron

from .effective_weight import is_plain
from .fold import folded
from .spike_conv import SpikeConv


class RepConv(BaseModule):
    """1x1 (C -> hidden), BN, 1x1 (hidden -> C'), BN and, if asked for, one more BN.

    No neuron stands in between, so that the whole is one biased 1x1 convolution once BN is in
    evaluation mode: :meth:`switch_to_deploy` makes it one.

    Args:
        in_channels: Input channels C.
        out_channels: Output channels C'.
        hidden_channels: Channels in between.
        last_norm: Whether a third BN follows.
        deploy: Build the single convolution right away.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations.

    Shape:
        - Input: (T*B, C, H, W).
        - Output: (T*B, C', H, W).

    Raises:
        ValueError: ``deploy`` with a convolution that cannot be merged.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int,
        *,
        last_norm: bool = True,
        deploy: bool = False,
        conv_cfg: dict | None,
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        self.in_features = in_channels  # as in nn.Linear: each input reaches every output
        self.out_features = out_channels
        if deploy:
            if conv_cfg and conv_cfg.get('type') not in ('Conv2d', 'Conv'):
                raise ValueError(
                    'deploy=True merges ordinary convolutions only (conv_cfg=None), got '
                    f'conv_cfg={conv_cfg}: leave deploy out.'
                )
            self.conv: nn.Module = nn.Conv2d(in_channels, out_channels, 1)
            return
        layer = partial(SpikeConv, conv_cfg=conv_cfg, norm_cfg=norm_cfg, neuron_cfg=None)
        self.conv1 = layer(in_channels, hidden_channels, 1)
        self.conv2 = layer(hidden_channels, out_channels, 1)
        self.bn = build_norm_layer(norm_cfg, out_channels)[1] if last_norm else None

    def forward(self, x: Tensor) -> Tensor:
        """(T*B, C, H, W) -> (T*B, C', H, W)."""
        if 'conv' in self._modules:
            return self.conv(x)
        x = self.conv2(self.conv1(x))
        return x if self.bn is None else self.bn(x)

    @torch.no_grad()
    def switch_to_deploy(self) -> None:
        """Merge everything into one convolution, in place; a second call does nothing.

        What cannot be folded (a quantised convolution, a norm other than BN) stays as it is.
        """
        conv = None if 'conv' in self._modules else self._merged()
        if conv is None:
            return
        dtype = self.conv1.conv.weight.dtype
        del self.conv1, self.conv2, self.bn
        self.conv = conv.to(dtype)
        self.conv.train(self.training)

    def _merged(self) -> nn.Module | None:
        """The one convolution, in float64; None where something cannot be folded."""
        if not all(part.with_norm and is_plain(part.conv) for part in (self.conv1, self.conv2)):
            return None
        parts = deepcopy([self.conv1, self.conv2])
        first, second = (folded(part.conv.double(), part.norm.double()) for part in parts)
        if first is None or second is None or first.bias is None or second.bias is None:
            return None
        conv = nn.Conv2d(self.in_features, self.out_features, 1, device=first.weight.device)
        conv.double()
        # (C', hidden) @ (hidden, C); the bias of the first runs through the second
        before, after = first.weight.flatten(1), second.weight.flatten(1)
        weight, bias = (after @ before)[..., None, None], after @ first.bias + second.bias
        conv.load_state_dict(dict(weight=weight, bias=bias))
        return conv if self.bn is None else folded(conv, deepcopy(self.bn).double())


class SpikeRepConv(BaseModule):
    """A neuron in front of, or behind, a :class:`RepConv`: takes the place of a 1x1 `SpikeConv`.

    Source: the 83M and 173M models of Yao et al., https://arxiv.org/abs/2411.16061.

    Args:
        in_channels: Input channels C.
        out_channels: Output channels C'.
        hidden_channels: Channels in between.
        neuron_cfg: Config of the neuron.
        order: ``('act', 'conv', 'norm')`` or ``('conv', 'norm', 'act')``.
        owns_input: See :class:`SpikeConv`.
        **kwargs: ``last_norm``, ``deploy``, ``conv_cfg``, ``norm_cfg`` of the :class:`RepConv`.

    Shape:
        - Input: (T*B, C, H, W).
        - Output: (T*B, C', H, W).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int,
        *,
        neuron_cfg: dict,
        order: tuple[str, str, str] = ('act', 'conv', 'norm'),
        owns_input: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.fires_first = order[0] == 'act'
        self.rep = RepConv(in_channels, out_channels, hidden_channels, **kwargs)
        self.activate = build_activation_layer(neuron_cfg)
        if isinstance(self.activate, SpikingNeuron):
            self.activate.owns_input = owns_input or not self.fires_first

    def forward(self, x: Tensor) -> Tensor:
        """(T*B, C, H, W) -> (T*B, C', H, W)."""
        return self.rep(self.activate(x)) if self.fires_first else self.activate(self.rep(x))

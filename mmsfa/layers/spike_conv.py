"""The spiking brick: neuron, convolution, normalisation."""

from __future__ import annotations

import warnings
from typing import Any, TypedDict

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmsfa.neurons import SpikingNeuron
from mmsfa.neurons.functional import is_exporting

from .fold import folded, norm_follows
from .masked import masked_norm, visible_at


class LayerCfg(TypedDict):
    """What all layers of a block are made of."""

    conv_cfg: dict | None
    norm_cfg: dict
    neuron_cfg: dict


def is_plain_cpu_inference(x: Tensor) -> bool:
    """Whether ``x`` is on a CPU, nobody wants gradients and nobody records the graph.

    Then a forward pass may take shortcuts that its result does not show. A recorded graph
    (torch.compile, ONNX, trace) keeps the layers as they are written, so that its own tools can
    fold and lay them out. A GPU reads a map faster than it launches the small kernels that fold a
    weight.

    Args:
        x: The input of the pass.
    """
    recorded = torch.compiler.is_compiling() or torch.jit.is_tracing() or is_exporting()
    return x.is_cpu and not (recorded or torch.is_grad_enabled())


class SpikeConv(ConvModule):
    """neuron -> convolution -> norm, as an mmcv ``ConvModule`` with padding that keeps the size.

    In inference on a CPU, BN is folded into the convolution on the fly: one pass over the map
    less.

    Args:
        in_channels: Input channels.
        out_channels: Output channels.
        kernel_size: Odd kernel size; the padding is ``kernel_size // 2`` times the dilation.
        neuron_cfg: Config of the neuron; None leaves it out (the first layer gets an image).
        norm_cfg: Config of the normalisation; None leaves it out.
        conv_cfg: Config of the convolution; None is ``Conv2d``.
        order: Order of the three, ``('act', 'conv', 'norm')`` by default.
        owns_input: Whether the input is the map of the layer before and is read here only, so
            that the activation may overwrite it. A shortcut is read twice.
        **kwargs: Further arguments of ``ConvModule`` (stride, groups, bias).

    Shape:
        - Input: (T*B, C_in, H, W), membrane potential.
        - Output: (T*B, C_out, H', W'), membrane potential.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        neuron_cfg: dict | None,
        norm_cfg: dict | None,
        conv_cfg: dict | None = None,
        order: tuple[str, str, str] = ('act', 'conv', 'norm'),
        owns_input: bool = False,
        **kwargs: Any,
    ) -> None:
        inplace = owns_input or order[0] != 'act'
        with warnings.catch_warnings():
            # The published downsampling and MLP layers have a bias before their BN.
            warnings.filterwarnings('ignore', 'Unnecessary conv bias')
            super().__init__(
                in_channels,
                out_channels,
                kernel_size,
                padding=kernel_size // 2 * kwargs.get('dilation', 1),
                conv_cfg=conv_cfg,
                norm_cfg=norm_cfg,
                act_cfg=neuron_cfg,
                inplace=inplace,
                order=order,
                **kwargs,
            )
        if self.with_activation and isinstance(self.activate, SpikingNeuron):
            self.activate.owns_input = inplace

    def forward(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """Fire, convolve and normalise.

        Args:
            x: Shape (T*B, C_in, H, W).
            visible: Which tokens are seen in masked pre-training, shape (T*B, 1, h, w), bool; the
                others stay zero and are in no statistics. None sees everything.

        Returns:
            Shape (T*B, C_out, H', W').
        """
        if visible is not None:
            return self._forward_masked(x, visible)
        both = self._folded() if is_plain_cpu_inference(x) else None
        if both is None:
            return super().forward(x)
        fires_first = self.order.index('act') < self.order.index('conv')
        if self.with_activation and fires_first:
            x = self.activate(x)
        x = both(x)
        return self.activate(x) if self.with_activation and not fires_first else x

    def _folded(self) -> nn.Module | None:
        """The convolution with its BN; None where they stay two."""
        # An inference mode has put another forward in the place of the convolution's.
        if 'forward' in vars(self.conv) or self.with_explicit_padding or self.with_spectral_norm:
            return None
        if not norm_follows(self) or self.norm.training:
            return None
        return folded(self.conv, self.norm)

    def _forward_masked(self, x: Tensor, visible: Tensor) -> Tensor:
        for part in self.order:
            if part == 'act' and self.with_activation:
                x = self.activate(x)
            elif part == 'conv':
                x = self.conv(x)
                x = x * visible_at(visible, x)
            elif part == 'norm' and self.with_norm:
                x = masked_norm(self.norm, x, visible_at(visible, x))
        return x

    def init_weights(self) -> None:
        """Keep PyTorch's own initialisation, as published, instead of ConvModule's Kaiming."""

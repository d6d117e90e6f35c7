"""Spike-driven self-attention."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from operator import methodcaller
from typing import Any, Literal

import torch
from mmcv.cnn import build_activation_layer
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor

from mmsfa.layers.rep_conv import SpikeRepConv
from mmsfa.layers.spike_conv import LayerCfg, SpikeConv
from mmsfa.neurons.functional import is_exporting
from mmsfa.neurons.functional.checks import is_count, is_number
from mmsfa.neurons.weight_settings import keep_settings

from .local_fields import LocalReceptiveFields
from .product import SpikeProduct

Order = Literal['auto', 'linear', 'quadratic']


def spike_driven_attention(
    q: Tensor, k: Tensor, v: Tensor, scale: float, order: Order = 'auto'
) -> Tensor:
    """Softmax-free attention: ``scale * (q^T k) v`` on spike counts.

    Without a softmax the product is associative: ``q (k^T v)`` costs 2 N d e operations per head
    and keeps a d x e matrix, ``(q k^T) v`` costs N^2 (d + e) and keeps N x N. Spike counts over
    a power of two, as D = 4 gives, are exact in float32 as long as D^3 N d stays below 2^24 times
    their size, so both orders give the same bits. The products therefore run in float32 under
    autocast: fp16 overflows, bf16 and TF32 (off in PyTorch unless asked for) round.

    Args:
        q: Queries, shape (B, heads, d, N).
        k: Keys, shape (B, heads, d, N).
        v: Values, shape (B, heads, e, N).
        scale: Factor of the result.
        order: ``'linear'`` = q (k^T v), ``'quadratic'`` = (q k^T) v, the published order, or
            ``'auto'``: whichever needs fewer operations.

    Returns:
        Shape (B, heads, e, N), in float32 (float64 if the inputs are).
    """
    d, e, N = q.shape[-2], v.shape[-2], q.shape[-1]
    if order == 'auto':
        # An exported graph keeps a free N, so it must not branch on it.
        few_tokens = not is_exporting() and N * (d + e) < 2 * d * e
        order = 'quadratic' if few_tokens else 'linear'
    with torch.autocast(q.device.type, enabled=False):
        if q.dtype != torch.float64:
            q, k, v = q.float(), k.float(), v.float()
        if order == 'linear':
            out = (v @ k.transpose(-2, -1)) @ q
        else:
            out = v @ (k.transpose(-2, -1) @ q)
        # The scale comes last: it is no power of two, and each rounding before it may flip a count.
        return out.mul_(scale)


def check_heads(channels: int, num_heads: int) -> None:
    """Raise a ValueError where the channels cannot be dealt out to the heads."""
    if not is_count(num_heads):
        raise ValueError(f'num_heads must be a whole number from 1 on, got {num_heads!r}.')
    if channels % num_heads:
        raise ValueError(f'channels must be a multiple of num_heads={num_heads}, got {channels}.')


class SpikeDrivenProduct(SpikeProduct):
    """:func:`spike_driven_attention` as a module.

    Args:
        scale: Factor of the result.
        order: Order of the products.
        token_norm: See :class:`SpikeDrivenSelfAttention`.

    Attributes:
        silence_is_absence: Whether channels of q and k that never fire might as well not be there.

    Shape:
        - Input: q and k (T*B, heads, d, N), v (T*B, heads, e, N), spike counts / norm.
        - Output: (T*B, heads, e, N).
    """

    silence_is_absence: bool = True

    def __init__(
        self, scale: float, order: Order = 'auto', token_norm: float | None = None
    ) -> None:
        super().__init__()
        self.scale = scale
        self.order = order
        self.token_norm = token_norm

    def settings(self) -> dict[str, Any]:
        """What decides the output; weights that had other settings warn when they are loaded."""
        return dict(token_norm=self.token_norm)

    def scale_for(self, q: Tensor) -> float:
        """The factor of a product of N tokens."""
        if self.token_norm is None:
            return self.scale
        return self.scale * (self.token_norm / q.shape[-1])

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The attended values, ``scale * (q^T k) v``."""
        return spike_driven_attention(q, k, v, self.scale_for(q), self.order)

    def macs(self, *inputs: Tensor) -> int:
        """Those of q (k^T v): 2 N d e for each head and sample."""
        q, _, v = inputs
        return 2 * q.numel() * v.shape[-2]

    def additions(self, *inputs: Tensor) -> Tensor:
        """Those of q (k^T v) on spike counts.

        k^T v adds one for each pair of a spike of k and a spike of v at the same token; each spike
        of q then adds one row of e numbers.
        """
        # (B, heads, d, N) -> (B, heads, N)
        pairs = zip(self.neurons, inputs, strict=True)
        q_sum, k_sum, v_sum = (neuron.total_of(x, (-2,)) for neuron, x in pairs)
        width = inputs[2].shape[-2]
        return torch.dot(k_sum.flatten(), v_sum.flatten()) + q_sum.sum() * width

    def stepwise(self, *inputs: Tensor) -> Tensor:
        """The sum of the products of each virtual step: much of the whole one is lost."""
        scale = self.scale_for(inputs[0])
        for neuron in self.neurons:
            scale = neuron.per_spike(scale)
        pairs = zip(self.neurons, inputs, strict=True)
        steps = zip(*(neuron.spikes_of(x) for neuron, x in pairs), strict=True)
        products = (spike_driven_attention(q, k, v, scale, self.order) for q, k, v in steps)
        return reduce(torch.add, products)


@MODELS.register_module()
class SpikeDrivenSelfAttention(BaseModule):
    """Spike-driven self-attention of E-SpikeFormer.

    neuron -> q, k, v (1x1, BN, neuron) -> ``scale (q k^T) v`` -> neuron -> 1x1, BN.
    Source: Yao et al., https://arxiv.org/abs/2411.16061.

    Args:
        channels: Channels C.
        num_heads: Number of heads; d = C / num_heads.
        v_ratio: Expansion of the values: e = v_ratio * d.
        scale: Factor of the product; None is the published ``2 d^-1/2`` of the base family (the
            83M and 173M models have 0.125).
        rep_ratio: Hidden width / C of the two 1x1 convolutions that give q, k, v and the output in
            the 83M and 173M models (1.5); None has one convolution for each.
        deploy: Build the merged form of those two convolutions.
        order: Order of the products, see :func:`spike_driven_attention`.
        token_norm: Number of tokens N_ref in training. Without a softmax the product adds up over
            all tokens, so potentials grow with the picture; the scale then becomes
            ``scale * N_ref / N``, and a larger picture looks to the layers behind as those of
            training did. Exact, and free in inference. None, as published, adds up. Our own.
        local: Settings of :class:`~mmsfa.layers.attention.local_fields.LocalReceptiveFields`, which
            are mixed in, such as ``dict(dilations=(1, 2, 3))``; None leaves them out, as published.
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations.
        neuron_cfg: Config of the neurons.

    Shape:
        - Input and output: (T*B, C, H, W), membrane potential.

    Raises:
        ValueError: ``channels`` is no multiple of ``num_heads``, ``order`` is unknown, or another
            setting is out of its range.
    """

    product_type: type[SpikeDrivenProduct] = SpikeDrivenProduct
    product: SpikeDrivenProduct

    def __init__(
        self,
        channels: int,
        num_heads: int = 8,
        v_ratio: int = 4,
        order: Order = 'auto',
        scale: float | None = None,
        rep_ratio: float | None = None,
        deploy: bool = False,
        token_norm: float | None = None,
        local: dict | None = None,
        *,
        conv_cfg: dict | None,
        norm_cfg: dict,
        neuron_cfg: dict,
    ) -> None:
        super().__init__()
        check_heads(channels, num_heads)
        if not is_count(v_ratio):
            raise ValueError(
                f'v_ratio (values / channels) must be a whole number from 1 on, got {v_ratio!r}.'
            )
        if scale is not None and not (is_number(scale) and scale > 0):
            raise ValueError(f'scale must be None or a number greater than 0, got {scale!r}.')
        if local is not None and not isinstance(local, dict):
            raise ValueError(
                'local must be None or settings of local receptive fields, such as '
                f'dict(dilations=(1, 2, 3)), got {local!r}.'
            )
        if order not in ('auto', 'linear', 'quadratic'):
            raise ValueError(f"order must be 'auto', 'linear' or 'quadratic', got {order!r}.")
        if token_norm is not None and not (is_number(token_norm) and token_norm > 0):
            raise ValueError(
                'token_norm (tokens of a training picture, such as 16 * 16 for 256 x 256 pixels) '
                f'must be None or a number greater than 0, got {token_norm!r}.'
            )
        cfg = LayerCfg(conv_cfg=conv_cfg, norm_cfg=norm_cfg, neuron_cfg=neuron_cfg)
        layer: Callable[..., SpikeConv | SpikeRepConv]
        if rep_ratio is None:
            layer = partial(SpikeConv, kernel_size=1, **cfg)
        else:
            hidden = round(rep_ratio * channels)
            layer = partial(SpikeRepConv, hidden_channels=hidden, deploy=deploy, **cfg)
        order_of_qkv = ('conv', 'norm', 'act')
        if scale is None:
            scale = 2 * (channels // num_heads) ** -0.5
        self.num_heads = num_heads
        self.product = self.product_type(scale, order, token_norm)
        keep_settings(self.product, methodcaller('settings'), unstated=dict(token_norm=None))
        self.neuron = build_activation_layer(neuron_cfg)
        self.q_conv = layer(channels, channels, order=order_of_qkv)
        self.k_conv = layer(channels, channels, order=order_of_qkv)
        self.v_conv = layer(channels, v_ratio * channels, order=order_of_qkv)
        self.local = (
            LocalReceptiveFields(
                v_ratio * channels, num_heads, conv_cfg=conv_cfg, norm_cfg=norm_cfg, **local
            )
            if local is not None
            else None
        )
        self.proj = layer(v_ratio * channels, channels, owns_input=True)
        self.product.reads(*(conv.activate for conv in (self.q_conv, self.k_conv, self.v_conv)))

    def forward(self, x: Tensor) -> Tensor:
        """(T*B, C, H, W) -> (T*B, C, H, W)."""
        H, W = x.shape[-2:]
        spikes = self.neuron(x)
        # (T*B, C, H, W) -> (T*B, heads, C / heads, H*W)
        maps = [conv(spikes) for conv in (self.q_conv, self.k_conv, self.v_conv)]
        out = self.product(*(one.flatten(2).unflatten(1, (self.num_heads, -1)) for one in maps))
        if self.local is not None:
            out = self.local(out, maps[-1])
        # (T*B, heads, e, H*W) -> (T*B, heads * e, H, W)
        return self.proj(out.flatten(1, 2).unflatten(2, (H, W)))

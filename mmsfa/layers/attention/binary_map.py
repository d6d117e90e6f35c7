"""Attention whose map is spikes: BESTformer's, also for E-SpikeFormer."""

from __future__ import annotations

from functools import partial, reduce
from operator import methodcaller
from typing import Any, Literal, get_args

import torch
from mmcv.cnn import build_activation_layer
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.layers.spike_conv import LayerCfg, SpikeConv
from mmsfa.neurons import IF, SFA
from mmsfa.neurons.functional.checks import is_number
from mmsfa.neurons.learnt_steps import LearntStepsError, check_step, refuse_other_steps
from mmsfa.neurons.real_time import RealTime
from mmsfa.neurons.weight_settings import UNKNOWN, keep_settings

from .product import SpikeProduct
from .spike_driven import check_heads

Map = Literal['qk', 'kv']
LambdaError = LearntStepsError  # its old name


class SpikeMatmul(SpikeProduct):
    """The matrix product of two spike tensors, ``factor * (a b)``.

    Both are integers over powers of two in most neurons, so the product is exact in float32. It
    runs in float32 under autocast, too.

    Args:
        transposed: Which of the two is transposed first, ``'first'``, ``'second'`` or None.
        factor: Of the product.

    Shape:
        - Input: (T*B, heads, I, K) and (T*B, heads, K, J) after the transposition.
        - Output: (T*B, heads, I, J).
    """

    def __init__(
        self, transposed: Literal['first', 'second'] | None = None, factor: float = 1.0
    ) -> None:
        super().__init__()
        self.transposed = transposed
        self.factor = factor

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The product."""
        return self._product(a, b, self.factor)

    def _product(self, a: Tensor, b: Tensor, factor: float) -> Tensor:
        a, b = self._matrices(a, b)
        with torch.autocast(a.device.type, enabled=False):
            if a.dtype != torch.float64:
                a, b = a.float(), b.float()
            out = a @ b
            return out if factor == 1 else out * factor

    def _matrices(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        if self.transposed == 'first':
            a = a.transpose(-2, -1)
        elif self.transposed == 'second':
            b = b.transpose(-2, -1)
        return a, b

    def macs(self, *inputs: Tensor) -> int:
        """I K J for each head and sample."""
        a, b = self._matrices(*inputs)
        return a.numel() * b.shape[-1]

    def additions(self, *inputs: Tensor) -> Tensor:
        """One for each pair of a spike of a and one of b that meet at the same k of K."""
        axes = dict(first=(-1, -1), second=(-2, -2)).get(self.transposed or '', (-2, -1))
        pairs = zip(self.neurons, inputs, axes, strict=True)
        a, b = (neuron.total_of(x, (axis,)) for neuron, x, axis in pairs)
        return torch.dot(a.flatten(), b.flatten())

    def stepwise(self, *inputs: Tensor) -> Tensor:
        """The sum of the products of each virtual step; steps that one of them lacks are lost."""
        factor = self.factor
        for neuron in self.neurons:
            factor = neuron.per_spike(factor)
        pairs = zip(self.neurons, inputs, strict=True)
        steps = zip(*(neuron.spikes_of(x) for neuron, x in pairs), strict=False)
        return reduce(torch.add, (self._product(a, b, factor) for a, b in steps))


class LearntMatmul(RealTime, SpikeMatmul):
    r"""``factor * lambda[t, head] * (a b)``, lambda learnt for each real time step and head.

    No product is left at inference: each addition adds ``factor * lambda`` in place of 1. Lambda
    cannot move into the threshold of the neuron behind it, whose membrane mixes the steps.

    Args:
        T: Number of real time steps.
        num_heads: Number of heads.
        factor: Of the product.

    Attributes:
        lambda_attn: Shape (T, 1, heads, 1, 1), begins with 1.

    Raises:
        LearntStepsError: Weights of another T are loaded, or a stream is longer than T.
    """

    out_time = 'batch'

    def __init__(self, T: int, num_heads: int, factor: float) -> None:
        super().__init__(factor=factor)
        self.T = T
        self.lambda_attn = nn.Parameter(torch.ones(T, 1, num_heads, 1, 1))
        self.register_load_state_dict_pre_hook(refuse_other_steps('lambda_attn'))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The product."""
        return self._scaled(super().forward(a, b))

    def stepwise(self, *inputs: Tensor) -> Tensor:
        """As that of :class:`SpikeMatmul`, times lambda."""
        return self._scaled(super().stepwise(*inputs))

    def _scaled(self, out: Tensor) -> Tensor:
        factors: Tensor = self.lambda_attn
        if self.step is not None:
            check_step(self.step, len(factors), 'factors')
            factors = factors[self.step : self.step + 1]
        # (T*B, heads, I, J) -> (T, B, heads, I, J) and back
        return (out.unflatten(0, (len(factors), -1)) * factors).flatten(0, 1)


def map_neuron(neuron_cfg: dict) -> dict:
    """The neuron of the map: a binary one resets softly, SFA has D = 1, a ReLU stays.

    Args:
        neuron_cfg: Config of the other neurons.
    """
    if _is(neuron_cfg, IF):
        return dict(neuron_cfg, v_reset=None)
    return dict(neuron_cfg, D=1, norm=None) if _is(neuron_cfg, SFA) else neuron_cfg


def output_neuron(neuron_cfg: dict) -> dict:
    """The neuron behind the product: a binary one has half the threshold, others stay.

    Args:
        neuron_cfg: Config of the other neurons.
    """
    return dict(neuron_cfg, v_threshold=0.5) if _is(neuron_cfg, IF) else neuron_cfg


def _is(neuron_cfg: dict, kind: type) -> bool:
    found = neuron_cfg['type']
    found = MODELS.get(found) if isinstance(found, str) else found
    return isinstance(found, type) and issubclass(found, kind)


@MODELS.register_module()
class BinaryMapAttention(BaseModule):
    r"""Attention with a map of zeros and ones.

    .. math:: y = \frac{\lambda}{8} \, S(q k^\top) \, v \quad (qk), \qquad
        y = \frac{\lambda}{8} \, q \, S(k^\top v) \quad (kv)

    S is a neuron. Source: BESTformer, https://arxiv.org/abs/2501.05904, with LIF neurons. With SFA
    neurons, as in E-SpikeFormer, S is SFA with D = 1 on the scores (our own): 1 where they are
    above 1/2.

    neuron -> q, k, v (1x1, BN, neuron) -> scores -> S -> y -> neuron -> 1x1, BN.

    Args:
        channels: Channels C.
        num_heads: Number of heads; d = C / num_heads.
        map: ``'qk'``: N x N numbers a head for N tokens; ``'kv'``: d x d, linear in N, for larger
            pictures.
        scale: Factor of y beside lambda.
        score_scale: Factor of the scores, 1 as published. They are sums over d (qk) or N (kv):
            where nearly all of the map fires, a smaller one lets it choose. Our own.
        T: Number of real time steps, each with its lambda; None takes that of the neurons (an
            ordinary activation has none).
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations.
        neuron_cfg: Config of the neurons.

    Shape:
        - Input and output: (T*B, C, H, W), membrane potential.

    Raises:
        ValueError: ``channels`` is no multiple of ``num_heads``, or ``map`` is unknown.
    """

    learns_steps = True  # backbones tell it their T

    def __init__(
        self,
        channels: int,
        num_heads: int = 8,
        map: Map = 'qk',
        scale: float = 0.125,
        score_scale: float = 1.0,
        T: int | None = None,
        *,
        conv_cfg: dict | None,
        norm_cfg: dict,
        neuron_cfg: dict,
    ) -> None:
        super().__init__()
        check_heads(channels, num_heads)
        if map not in get_args(Map):
            raise ValueError(f"map must be 'qk' (N x N) or 'kv' (d x d), got {map!r}.")
        for name, value in dict(scale=scale, score_scale=score_scale).items():
            if not (is_number(value) and value > 0):
                raise ValueError(f'{name} must be a number greater than 0, got {value!r}.')
        cfg = LayerCfg(conv_cfg=conv_cfg, norm_cfg=norm_cfg, neuron_cfg=neuron_cfg)
        layer = partial(SpikeConv, channels, channels, 1, order=('conv', 'norm', 'act'), **cfg)
        self.num_heads = num_heads
        self.map = map
        self.neuron = build_activation_layer(neuron_cfg)
        self.q_conv = layer()
        self.k_conv = layer()
        self.v_conv = layer()
        self.scores = SpikeMatmul('first' if map == 'qk' else 'second', score_scale)
        self.map_neuron = build_activation_layer(map_neuron(neuron_cfg))
        self.product = LearntMatmul(neuron_cfg.get('T', 1) if T is None else T, num_heads, scale)
        behind = LayerCfg(
            conv_cfg=conv_cfg, norm_cfg=norm_cfg, neuron_cfg=output_neuron(neuron_cfg)
        )
        self.proj = SpikeConv(channels, channels, 1, owns_input=True, **behind)
        q, k, v = (conv.activate for conv in (self.q_conv, self.k_conv, self.v_conv))
        if map == 'qk':
            self.scores.reads(k, q)
            self.product.reads(v, self.map_neuron)
        else:
            self.scores.reads(v, k)
            self.product.reads(self.map_neuron, q)
        keep_settings(self, methodcaller('settings'), unstated=UNKNOWN)

    def settings(self) -> dict[str, Any]:
        """What weights are compared by: both maps have weights of the same names and shapes."""
        return dict(map=self.map, scale=self.product.factor, score_scale=self.scores.factor)

    def forward(self, x: Tensor) -> Tensor:
        """(T*B, C, H, W) -> (T*B, C, H, W)."""
        H, W = x.shape[-2:]
        spikes = self.neuron(x)
        # (T*B, C, H, W) -> (T*B, heads, d, H*W)
        q, k, v = (
            conv(spikes).flatten(2).unflatten(1, (self.num_heads, -1))
            for conv in (self.q_conv, self.k_conv, self.v_conv)
        )
        # Maps stand the other way round than in the formula, as q, k and v do: (N of k, N of q)
        # or (d of v, d of k).
        if self.map == 'qk':
            out = self.product(v, self.map_neuron(self.scores(k, q)))
        else:
            out = self.product(self.map_neuron(self.scores(v, k)), q)
        # (T*B, heads, d, H*W) -> (T*B, C, H, W)
        return self.proj(out.flatten(1, 2).unflatten(2, (H, W)))

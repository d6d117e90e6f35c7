"""Saccadic spike self-attention of SNN-ViT: a gate a token, opened by a mix over time."""

from __future__ import annotations

from functools import partial, reduce
from operator import methodcaller
from typing import Any, Literal, cast

import torch
from mmcv.cnn import build_activation_layer
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmsfa.layers.spike_conv import LayerCfg, SpikeConv
from mmsfa.neurons import SaccadicNeuron, SpikingNeuron
from mmsfa.neurons.saccadic import SaccadicMix, Temporal
from mmsfa.neurons.weight_settings import UNKNOWN, keep_settings

from .product import SpikeProduct

Keys = Literal['mean', 'sum']


class TokenCounts(SpikeProduct):
    r"""How many spikes each token has, and with keys their product with the spikes of all keys.

    .. math:: Q'_i = \sum_c Q_{ci} \quad (V2), \qquad
        Q'_i \sum_j K'_j = \sum_j (Q' K'^\top)_{ij} \quad (V1)

    The relevance Q' K'^T has rank 1, so its row sums need no N x N numbers. Additions only: each
    spike of q adds 1, or the number that the keys have given.

    Args:
        keys: The ``'sum'`` over the keys of all tokens, as published, or their ``'mean'``, which
            does not grow with the picture.

    Shape:
        - Input: q and perhaps k (T*B, C, H, W), spike counts / norm.
        - Output: (T*B, 1, H, W); whole numbers but for the mean.
    """

    def __init__(self, keys: Keys = 'mean') -> None:
        super().__init__()
        self.keys = keys

    def forward(self, q: Tensor, k: Tensor | None = None) -> Tensor:
        """The counts."""
        # Those of ordinary activations are sums of real values.
        neurons = self.neurons or (None,) * 2
        counts = self._sums(q, neurons[0])
        return counts if k is None else counts * self._over_tokens(self._sums(k, neurons[-1]))

    def _sums(self, x: Tensor, neuron: SpikingNeuron | None) -> Tensor:
        return x.sum(1, keepdim=True) if neuron is None else neuron.sums_of(x, 1)

    def _over_tokens(self, counts: Tensor) -> Tensor:
        if self.keys == 'mean':
            return counts.mean((2, 3), keepdim=True)
        return counts.sum((2, 3), keepdim=True)

    def macs(self, *inputs: Tensor) -> int:
        """One for each element, and one for each token where there are keys."""
        q = inputs[0]
        products = q[:, 0].numel() if len(inputs) > 1 else 0
        return sum(x.numel() for x in inputs) + products

    def additions(self, *inputs: Tensor) -> Tensor:
        """One for each spike."""
        pairs = zip(self.neurons, inputs, strict=True)
        totals = [neuron.total_of(x, tuple(range(x.dim()))) for neuron, x in pairs]
        return torch.stack(totals).sum()

    def stepwise(self, *inputs: Tensor) -> Tensor:
        """V2: the same, as a sum of sums. V1: queries and keys of one virtual step only."""
        if len(inputs) == 1:
            return TokenCounts.forward(self, *inputs)
        pairs = zip(self.neurons, inputs, strict=True)
        steps = zip(*(neuron.spikes_of(x) for neuron, x in pairs), strict=False)
        sums = ((q.sum(1, keepdim=True), k.sum(1, keepdim=True)) for q, k in steps)
        return reduce(torch.add, (q * self._over_tokens(k) for q, k in sums))


class SpikeGate(SpikeProduct):
    """A spike a token lets the values of the token through: its output is spikes of their kind.

    Neither weights nor additions. It stays open for all virtual steps of a real one.

    Shape:
        - Input: gate (T*B, 1, H, W), zeros and ones; v (T*B, C, H, W), counts / norm.
        - Output: (T*B, C, H, W), counts / norm; exactly zero where the gate is.
    """

    def forward(self, gate: Tensor, v: Tensor) -> Tensor:
        """The values of the tokens whose gate is open."""
        return gate.to(v.dtype) * v

    def macs(self, *inputs: Tensor) -> int:
        """One for each value."""
        return inputs[1].numel()

    def additions(self, *inputs: Tensor) -> Tensor:
        """None."""
        return torch.zeros((), dtype=torch.float64, device=inputs[1].device)

    def stepwise(self, *inputs: Tensor) -> Tensor:
        """The same."""
        return SpikeGate.forward(self, *inputs)


def expected_output(neuron_cfg: dict) -> float:
    """The mean count (or output of an ordinary activation) for inputs of a normal distribution.

    BN gives such inputs at the start. Each step has its own order of the same 1009 quantiles (a
    prime), as if steps did not depend on each other; nothing random is in it.

    Args:
        neuron_cfg: Config of the neuron.
    """
    with torch.device('cpu'), torch.no_grad():
        neuron = build_activation_layer(dict(neuron_cfg))
        number, order = 1009, torch.arange(1009)
        quantiles = torch.special.ndtri((order + 0.5) / number)
        factors = (pow(101, t, number) for t in range(getattr(neuron, 'T', 1)))
        output = neuron(torch.cat([quantiles[order * factor % number] for factor in factors]))
        if isinstance(neuron, SpikingNeuron):
            output = neuron.counts_of(output)
        return max(round(output.double().mean().item(), 3), 0.001)


@MODELS.register_module()
class SaccadicAttention(BaseModule):
    r"""Saccadic spike self-attention (SSSA): which tokens are looked at, in each real time step.

    .. math:: S = \Theta(M Q' - V_{th} / \alpha) \quad (V2), \qquad
        S = \Theta(M \, (Q' \textstyle\sum_j K'_j) - V_{th}) \quad (V1), \qquad y = S \odot V

    neuron -> q, v and in V1 k (1x1, BN, neuron) -> counts of each token -> saccadic neuron -> gate
    on v -> 1x1, BN. Q' and K' are sums over channels. Costs N C additions, no N x N and no C x C.
    Source: SNN-ViT, https://arxiv.org/abs/2502.12677. The projection behind the gate, the mean over
    keys and all first values are ours.

    V2 learns one factor in the place of the keys: **another model, not V1 at less cost**. They are
    equal only where the keys give the same sum in every step and sample.

    With SFA neurons the counts are sums of 0..D. **With T = 1 there is no time to mix**: what is
    left is a gate with a learnt threshold for each token.

    Args:
        channels: Channels C.
        version: 1 or 2.
        temporal: Rule of inference, see :class:`~mmsfa.neurons.SaccadicNeuron`.
        keys: What becomes of the keys of all tokens in V1: ``'mean'``, or the published ``'sum'``,
            which grows with the picture.
        past: First share of the step before in the mix; 0 begins with the identity.
        T: Number of real time steps; None takes that of the neurons (an ordinary activation has
            none).
        conv_cfg: Config of the convolutions.
        norm_cfg: Config of the normalisations.
        neuron_cfg: Config of the neurons.

    Shape:
        - Input and output: (T*B, C, H, W), membrane potential.

    Raises:
        ValueError: A setting is out of its range.
    """

    learns_steps = True  # backbones tell it their T

    def __init__(
        self,
        channels: int,
        version: Literal[1, 2] = 2,
        temporal: Temporal = 'causal',
        keys: Keys = 'mean',
        past: float = 0.1,
        T: int | None = None,
        *,
        conv_cfg: dict | None,
        norm_cfg: dict,
        neuron_cfg: dict,
    ) -> None:
        super().__init__()
        if version not in (1, 2):
            raise ValueError(f'version must be 1 (with keys) or 2, got {version!r}.')
        if keys not in ('mean', 'sum'):
            raise ValueError(f"keys must be 'mean' or 'sum' (over all tokens), got {keys!r}.")
        cfg = LayerCfg(conv_cfg=conv_cfg, norm_cfg=norm_cfg, neuron_cfg=neuron_cfg)
        layer = partial(SpikeConv, channels, channels, 1, order=('conv', 'norm', 'act'), **cfg)
        self.version = version
        self.neuron = build_activation_layer(neuron_cfg)
        self.q_conv = layer()
        self.k_conv = layer() if version == 1 else None
        self.v_conv = layer()
        self.counts = TokenCounts(keys)
        self.saccade = self._saccade(channels, T, temporal, past, neuron_cfg)
        self.gate = SpikeGate()
        self.proj = SpikeConv(
            channels, channels, 1, conv_cfg=conv_cfg, norm_cfg=norm_cfg, neuron_cfg=None
        )
        q, v = self.q_conv.activate, self.v_conv.activate
        self.counts.reads(*((q,) if self.k_conv is None else (q, self.k_conv.activate)))
        self.gate.reads(self.saccade, v, emitter=v if isinstance(v, SpikingNeuron) else None)
        keep_settings(self, methodcaller('settings'), unstated=UNKNOWN)

    def settings(self) -> dict[str, Any]:
        """What weights are compared by."""
        keys = self.counts.keys if self.version == 1 else None
        return dict(version=self.version, keys=keys)

    def _saccade(
        self, channels: int, T: int | None, temporal: Temporal, past: float, neuron_cfg: dict
    ) -> nn.Module:
        settings: dict[str, Any] = dict(
            T=neuron_cfg.get('T', 1) if T is None else T,
            # One unit is what a token has at the start: neither all nor none of the gates are open.
            unit=(channels * expected_output(neuron_cfg)) ** (3 - self.version),
            past=past,
            scaled=self.version == 2,
        )
        if isinstance(self.neuron, SpikingNeuron):
            return SaccadicNeuron(temporal=temporal, **settings)
        return nn.Sequential(SaccadicMix(**settings), build_activation_layer(neuron_cfg))

    def forward(self, x: Tensor) -> Tensor:
        """(T*B, C, H, W) -> (T*B, C, H, W)."""
        spikes = self.neuron(x)
        q, v = self.q_conv(spikes), self.v_conv(spikes)
        keys = () if self.k_conv is None else (self.k_conv(spikes),)
        gate = self.saccade(self.counts(q, *keys))
        return cast(Tensor, self.proj(self.gate(gate, v)))

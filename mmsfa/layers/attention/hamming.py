"""Attention by the similarity of binary vectors, in which silence that agrees counts, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from mmpretrain.registry import MODELS
from torch import Tensor
from torch.autograd.function import once_differentiable

from .spike_driven import check_heads
from .step_aligned import Step, StepAlignedAttention, StepAlignedProduct


class _SumOfSigns(torch.autograd.Function):
    """The sum over steps; its gradient is shared by the spikes that a change of the count moves.

    Silent spikes agree. With the gradient of the count for each of them, as where silence is
    absence, all D steps of a silent channel pull at it: in the tiny network, whose eight
    attentions follow each other, the norm of the gradient was 320 in place of 4.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, product: HammingProduct) -> Tensor:
        ctx.save_for_backward(q, k, v)
        ctx.product = product
        return product.sum_of_steps(q, k, v)[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        inputs, product = ctx.saved_tensors, ctx.product
        of_q, of_k, of_v = (torch.zeros_like(x) for x in inputs)
        steps = zip(product.steps(*inputs), product.shares(*inputs), strict=True)
        for (q, k, v), (share_q, share_k, share_v) in steps:
            inner = grad @ q.transpose(-2, -1)  # (e, d)
            of_q += (v @ k.transpose(-2, -1)).transpose(-2, -1) @ grad * share_q
            of_k += inner.transpose(-2, -1) @ v * share_k
            of_v += inner @ k * share_v
        slopes = product.slopes()
        return of_q * slopes[0], of_k * slopes[1], of_v * slopes[2], None


class HammingProduct(StepAlignedProduct):
    r"""Hamming attention of each virtual step by itself, added up.

    .. math:: U = \frac{a}{\theta\, s} \sum_{d} (2 Q_d - 1)\, \big((2 K_d - 1)^\top V_d\big)

    A product of zeros and ones is blind to agreement on zeros; that of signs is the number of
    channels that agree less that of those that do not. With ``constant`` agreement alone is
    counted, :math:`1 - \mathrm{Hamming} / d` of d channels for :math:`a = 1 / (2 d)`. Source:
    SpikeVideoFormer, ICML 2025, for binary spikes; step by step for more levels is ours, and so is
    the gradient: :math:`\partial X_d / \partial C_X` is 1/2 for the last spike that was fired and
    for the next one, 1 where there is only one of the two, and adds up to 1.

    Attributes:
        constant: Whether :math:`a\, d \sum_j V_j` is added.

    Shape:
        - Input: q and k (T*B, heads, d, N), v (T*B, heads, e, N), spike counts / norm.
        - Output: (T*B, heads, e, N).
    """

    silence_is_absence = False
    constant = False
    sum_type = _SumOfSigns

    def settings(self) -> dict[str, Any]:
        """What weights are compared by."""
        return super().settings() | dict(constant=self.constant)

    def steps(self, q: Tensor, k: Tensor, v: Tensor) -> Iterator[Step]:
        """Signs of queries and keys, and the spikes of values."""
        for one_q, one_k, one_v in super().steps(q, k, v):
            yield 2 * one_q - 1, 2 * one_k - 1, one_v

    def shares(self, *inputs: Tensor) -> Iterator[tuple[Tensor | float, ...]]:
        """Which part of the gradient of a count each of its steps has; they add up to 1."""
        if not self.neurons:
            return iter([(1.0, 1.0, 1.0)])
        pairs = zip(self.neurons, inputs, strict=True)
        return zip(*(_shares(list(neuron.steps_of(x))) for neuron, x in pairs), strict=True)

    def slopes(self) -> tuple[float, ...]:
        """Those of signs are twice those of spikes."""
        q, k, v = super().slopes()
        return 2 * q, 2 * k, v

    def scale_of_spikes(self, q: Tensor) -> float:
        """The factor of a product of signs with a spike of the values."""
        scale = self.scale_for(q)
        return self.neurons[-1].per_spike(scale) if self.neurons else scale

    def with_constant(self, out: Tensor, q: Tensor, v: Tensor) -> Tensor:
        """The products of all steps with d times the sum of all values."""
        if not self.constant:
            return out
        spikes = v * self.slopes()[-1]
        return out + q.shape[-2] * spikes.sum(-1, keepdim=True)

    def additions(self, *inputs: Tensor) -> Tensor:
        """Those of 2 Q (2 K^T V - sum V) - sum (2 K^T V - sum V), where twice is a shift.

        To those of :class:`StepAlignedProduct` come one for each spike of v (their sum), d e for
        the sum of the matrix over d and its difference, and e for each token.
        """
        q, _, v = inputs
        total = super().additions(*inputs) + self.neurons[-1].total_of(v, (0, 1, 2, 3))
        steps = self.neurons[-1].capacity_of(1)
        matrix = 2 * v.shape[-2] * q.shape[-2]
        rows = v.shape[0] * v.shape[1] * (matrix + v.shape[-2] * v.shape[-1])
        return total + steps * rows


def _shares(spikes: list[Tensor]) -> Iterator[Tensor]:
    """For the spikes [C > d] of each step."""
    if len(spikes) == 1:
        yield torch.ones_like(spikes[0])
        return
    # A count of 0 has no last spike and one of D no next one: what there is has both halves.
    before = [2 - spikes[0], *spikes[:-1]]
    after = [*spikes[1:], -spikes[-1]]
    for earlier, later in zip(before, after, strict=True):
        yield (earlier - later) / 2


@MODELS.register_module()
class HammingAttention(StepAlignedAttention):
    """Spike-driven self-attention by Hamming similarity, one virtual step at a time.

    The layers of :class:`SpikeDrivenSelfAttention` around a :class:`HammingProduct`.

    Args:
        channels: Channels C.
        num_heads: Number of heads; d = C / num_heads.
        scale: Factor a; None is 1 / (2 d).
        constant: Count agreement alone: similarities 0..1 in place of -1/2..1/2.
        **settings: Those of :class:`SpikeDrivenSelfAttention`. Similarities are far from zero
            where hardly anything fires, so potentials grow with the tokens: ``token_norm`` tells
            for how many the scale is meant.

    Shape:
        - Input and output: (T*B, C, H, W), membrane potential.

    Raises:
        ValueError: A setting is wrong.
    """

    product_type = HammingProduct
    product: HammingProduct

    def __init__(
        self,
        channels: int,
        num_heads: int = 8,
        *,
        scale: float | None = None,
        constant: bool = False,
        **settings: Any,
    ) -> None:
        check_heads(channels, num_heads)
        if not isinstance(constant, bool):
            raise ValueError(f'constant must be True or False, got {constant!r}.')
        if scale is None:
            scale = 0.5 * num_heads / channels
        super().__init__(channels, num_heads, scale=scale, **settings)
        self.product.constant = constant

"""Attention by the similarity of binary vectors, in which silence that agrees counts, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmpretrain.registry import MODELS
from torch import Tensor

from mmsfa.neurons.functional import straight_through

from .spike_driven import check_heads
from .step_aligned import Step, StepAlignedAttention, StepAlignedProduct


class HammingProduct(StepAlignedProduct):
    r"""Hamming attention of each virtual step by itself, added up.

    .. math:: U = \frac{a}{\theta\, s} \sum_{d} (2 Q_d - 1)\, \big((2 K_d - 1)^\top V_d\big)

    A product of zeros and ones is blind to agreement on zeros; that of signs is the number of
    channels that agree less that of those that do not. With ``constant`` agreement alone is
    counted, :math:`1 - \mathrm{Hamming} / d` of d channels for :math:`a = 1 / (2 d)`. Source:
    SpikeVideoFormer, ICML 2025, for binary spikes; step by step for more levels is ours.

    Attributes:
        constant: Whether :math:`a\, d \sum_j V_j` is added.

    Shape:
        - Input: q and k (T*B, heads, d, N), v (T*B, heads, e, N), spike counts / norm.
        - Output: (T*B, heads, e, N).
    """

    silence_is_absence = False
    constant = False

    def settings(self) -> dict[str, Any]:
        """What weights are compared by."""
        return super().settings() | dict(constant=self.constant)

    def steps(self, q: Tensor, k: Tensor, v: Tensor) -> Iterator[Step]:
        """Signs of queries and keys, and the spikes of values."""
        for one_q, one_k, one_v in super().steps(q, k, v):
            yield 2 * one_q - 1, 2 * one_k - 1, one_v

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
        if self.neurons:  # each of the D spikes has the gradient of the count, as in the products
            spikes = straight_through(spikes * self.neurons[-1].capacity_of(1), spikes)
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

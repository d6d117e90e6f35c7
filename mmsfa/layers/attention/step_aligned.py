"""Attention in which only spikes of the same virtual step meet, in training as on spikes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mmsfa.neurons.functional import is_exporting

from .spike_driven import Order, SpikeDrivenProduct, SpikeDrivenSelfAttention

Step = tuple[Tensor, Tensor, Tensor]

# Of log theta, as published: theta stays within a factor of 3000 of 1.
_CLIP = 8.0


class _SumOfSteps(torch.autograd.Function):
    """The sum over steps; it keeps its inputs, and takes them apart again in backward."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, product: StepAlignedProduct) -> Tensor:
        out, matrix = product.sum_of_steps(q, k, v)
        ctx.save_for_backward(q, k, v, matrix)
        ctx.product = product
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        (*inputs, matrix), product = ctx.saved_tensors, ctx.product
        of_k, of_v = (torch.zeros_like(x) for x in inputs[1:])
        for q, k, v in product.steps(*inputs):
            inner = grad @ q.transpose(-2, -1)
            of_k += inner.transpose(-2, -1) @ v
            of_v += inner @ k
        # The gradient of q is that of all its steps, which have the output's in common.
        of_q = matrix.transpose(-2, -1) @ grad
        slopes = product.slopes()
        of_q, of_k, of_v = (
            one if slope == 1 else one * slope
            for one, slope in zip((of_q, of_k, of_v), slopes, strict=True)
        )
        return of_q, of_k, of_v, None


class StepAlignedProduct(SpikeDrivenProduct):
    r"""Attention of each virtual step by itself, added up.

    .. math:: U = \frac{a}{\theta\, s^3} \sum_{d=0}^{D-1} Q_d\, (K_d^\top V_d), \qquad
        X_d = [C_X > d]

    for the counts :math:`C_X = s X` of queries, keys and values. The gradient is straight-through,
    :math:`\partial X_d / \partial C_X = 1`. Without the products of different steps U is smaller,
    so the neuron behind it would fire too little: :math:`\theta = e^p` is learnt, one a block,
    and folds into the scale. Source: PT-SSA, arXiv 2610.03291, as reported by others; where the
    reports leave something open it is our reconstruction.

    Real values, as the ANN twin has them, are one step.

    Args:
        scale: Factor a of the result.
        order: ``'auto'`` or ``'linear'``: the products are linear in the tokens.
        token_norm: See :class:`SpikeDrivenSelfAttention`.

    Attributes:
        log_theta: p, a scalar that begins with 0.

    Shape:
        - Input: q and k (T*B, heads, d, N), v (T*B, heads, e, N), spike counts / norm.
        - Output: (T*B, heads, e, N).

    Raises:
        ValueError: ``order`` is ``'quadratic'``.
    """

    sum_type: type[torch.autograd.Function] = _SumOfSteps

    def __init__(
        self, scale: float, order: Order = 'auto', token_norm: float | None = None
    ) -> None:
        super().__init__(scale, order, token_norm)
        if order == 'quadratic':
            raise ValueError(
                f"{type(self).__name__} is linear in the tokens: order must be 'auto' or "
                "'linear', got 'quadratic'."
            )
        self.log_theta = nn.Parameter(torch.zeros(()))
        self.register_load_state_dict_pre_hook(_begin_with_zero)

    def settings(self) -> dict[str, Any]:
        """What weights are compared by."""
        return super().settings() | dict(attention=type(self).__name__)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The attended values."""
        with torch.autocast(q.device.type, enabled=False):
            if q.dtype != torch.float64:
                q, k, v = q.float(), k.float(), v.float()
            learns = torch.is_grad_enabled() and not is_exporting()
            out = self.sum_type.apply(q, k, v, self) if learns else self.sum_of_steps(q, k, v)[0]
            out = self.with_constant(out, q, v)
            scale = self.scale_of_spikes(q)
            if not learns:
                return out * (scale * self.inverse_theta())
            return _Scaled.apply(out, self.log_theta, scale, self)

    def steps(self, q: Tensor, k: Tensor, v: Tensor) -> Iterator[Step]:
        """What meets in each virtual step: the spikes of queries, keys and values."""
        return self._spikes(q, k, v) if self.neurons else iter([(q, k, v)])

    def slopes(self) -> tuple[float, ...]:
        """Of :meth:`steps` by the outputs of the neurons that give queries, keys and values."""
        return tuple(1 / neuron.per_spike(1.0) for neuron in self.neurons) or (1.0, 1.0, 1.0)

    def scale_of_spikes(self, q: Tensor) -> float:
        """The factor of a product of single spikes."""
        scale = self.scale_for(q)
        for neuron in self.neurons:
            scale = neuron.per_spike(scale)
        return scale

    def inverse_theta(self) -> Tensor:
        """1 / theta, a scalar."""
        return self.log_theta.clamp(-_CLIP, _CLIP).neg().exp()

    def sum_of_steps(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """The products of all steps, not yet scaled, whole numbers; and the sum of k^T v."""
        products, matrices = [], []
        for one_q, one_k, one_v in self.steps(q, k, v):
            matrix = one_v @ one_k.transpose(-2, -1)  # (e, d)
            products.append(matrix @ one_q)
            matrices.append(matrix)
        return reduce(torch.add, products), reduce(torch.add, matrices)

    def with_constant(self, out: Tensor, q: Tensor, v: Tensor) -> Tensor:
        """What a similarity adds to the products of all steps; nothing here."""
        return out

    def _spikes(self, *inputs: Tensor) -> Iterator[Step]:
        pairs = zip(self.neurons, inputs, strict=True)
        return zip(*(neuron.steps_of(x) for neuron, x in pairs), strict=True)

    def additions(self, *inputs: Tensor) -> Tensor:
        """Those of q (k^T v) on the spikes of each step.

        k^T v adds one for each pair of a spike of k and a spike of v at the same token and step;
        each spike of q then adds one row of e numbers.
        """
        width = inputs[2].shape[-2]
        total = torch.zeros((), dtype=torch.float64, device=inputs[0].device)
        for q, k, v in self._spikes(*inputs):
            q, k, v = (x.abs().sum(-2, dtype=torch.float64) for x in (q, k, v))
            total += torch.dot(k.flatten(), v.flatten()) + q.sum() * width
        return total

    def stepwise(self, *inputs: Tensor) -> Tensor:
        """The same as forward: no spikes of different steps ever meet."""
        return type(self).forward(self, *inputs)


def _begin_with_zero(
    product: StepAlignedProduct, state_dict: dict[str, Any], prefix: str, *unused: object
) -> None:
    """Weights that were trained with another attention have no theta."""
    state_dict.setdefault(f'{prefix}log_theta', torch.zeros_like(product.log_theta))


class _Scaled(torch.autograd.Function):
    """``scale / theta`` times the products, with the published gradients.

    That of the products passes without 1 / theta; that of p is divided by the root of the number
    of spikes that the output could hold, M D. An ordinary activation behind it may overwrite what
    it gets, so for real values the products are kept in the place of the output.
    """

    @staticmethod
    def forward(
        ctx: Any, out: Tensor, log_theta: Tensor, scale: float, product: StepAlignedProduct
    ) -> Tensor:
        factor = scale * product.inverse_theta()
        scaled = out * factor
        kept = (scaled, torch.ones_like(factor)) if product.neurons else (out, factor)
        ctx.save_for_backward(*kept, log_theta)
        ctx.scale = scale
        spikes = product.neurons[0].capacity_of(out) if product.neurons else out.numel()
        ctx.damping = spikes**-0.5
        return scaled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        kept, factor, log_theta = ctx.saved_tensors
        of_log = ((grad * kept).sum() * factor).neg() * ctx.damping
        return grad * ctx.scale, of_log.where(log_theta.abs() <= _CLIP, 0), None, None


@MODELS.register_module()
class StepAlignedAttention(SpikeDrivenSelfAttention):
    """Spike-driven self-attention that is exact on binary spikes, one virtual step at a time.

    The layers of :class:`SpikeDrivenSelfAttention` around a :class:`StepAlignedProduct`. Weights
    of that attention load into it and are fine-tuned.

    Args:
        channels: Channels C.
        **settings: Those of :class:`SpikeDrivenSelfAttention`.

    Shape:
        - Input and output: (T*B, C, H, W), membrane potential.

    Raises:
        ValueError: A setting is wrong.
    """

    product_type = StepAlignedProduct

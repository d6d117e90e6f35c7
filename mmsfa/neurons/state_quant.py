"""Membrane potentials of few bits: what a neuron keeps from one real time step to the next."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .building import build_part
from .functional import straight_through
from .running_mean import RunningMean

Squash = Literal['tanh']
StateScale = Literal['stored', 'batch']
BITS = range(2, 17)


class QuantizedState(NamedTuple):
    """Stored membrane potentials.

    Attributes:
        values: Integers times scale, the shape of the potentials.
        integers: -n..n, of the same shape and dtype.
        limit: The potential of the integer n, a scalar.
    """

    values: Tensor
    integers: Tensor
    limit: Tensor


@MODELS.register_module()
class UniformState(RunningMean):
    r"""Quantiser of membrane potentials: :math:`2^b - 1` levels, evenly from -limit to limit.

    .. math:: \tilde v = \frac{\alpha}{n}\,\mathrm{round}(n\,\mathrm{clip}(v / \alpha, -1, 1)),
        \qquad n = 2^{b-1} - 1

    The gradient passes the rounding and stops where a potential is clipped. Source: Q-SNN,
    https://arxiv.org/abs/2406.13672, with ``squash='tanh', scale='batch'``. The stored limit is
    ours: with that of the batch, a sample's potentials depend on its neighbours in the batch.

    Args:
        bits: Bits b of a stored potential, 2..16.
        squash: ``'tanh'`` quantises tanh(v), as published; None v itself.
        scale: What the limit :math:`\alpha` is. ``'stored'``: in training the largest absolute
            potential of the step, in evaluation a running mean of it, as a BN does it: a sample
            alone gives what it gives in a batch. ``'batch'``: always that of the step over the
            whole tensor, batch included, as published.
        momentum: Share of the newest step in the running mean.

    Attributes:
        running_limit: The running mean, a buffer; 1, the usual threshold, before any training.

    Shape:
        - Input and output: (B, ...), potentials of one time step, counted from rest.

    Raises:
        ValueError: A setting is out of its range.
    """

    running_limit: Tensor

    def __init__(
        self,
        bits: int = 4,
        squash: Squash | None = None,
        scale: StateScale = 'stored',
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        if isinstance(bits, bool) or bits not in BITS:
            raise ValueError(
                f'bits of UniformState must be an integer in {BITS[0]}..{BITS[-1]}, got {bits!r}.'
            )
        if squash is not None and squash not in get_args(Squash):
            raise ValueError(f"squash of UniformState must be None or 'tanh', got {squash!r}.")
        if scale not in get_args(StateScale):
            raise ValueError(f"scale of UniformState must be 'stored' or 'batch', got {scale!r}.")
        if not 0 < momentum <= 1:
            raise ValueError(f'momentum of UniformState must lie in (0, 1], got {momentum!r}.')
        self.bits = int(bits)
        self.squash = squash
        self.scale = scale
        self.momentum = momentum
        if scale == 'stored':
            self.keep_mean('running_limit', torch.tensor(1.0))

    @property
    def highest(self) -> int:
        """The largest integer n."""
        return 2 ** (self.bits - 1) - 1

    def forward(self, v: Tensor) -> Tensor:
        """(B, ...) -> (B, ...), the potentials that are kept."""
        v = self._squashed(v)
        limit = self._limit_of(v.detach())
        inside = v.clamp(-limit, limit)
        return straight_through(inside, self._on_grid(inside.detach(), limit).values)

    @torch.no_grad()
    def quantize(self, v: Tensor) -> QuantizedState:
        """Values, integers and limit, as :meth:`forward` in evaluation finds them.

        Args:
            v: Potentials of one time step, (B, ...).
        """
        v = self._squashed(v)
        limit = self._largest(v) if self.scale == 'batch' else self._stored(v)
        return self._on_grid(v.clamp(-limit, limit), limit)

    def _squashed(self, v: Tensor) -> Tensor:
        return v if self.squash is None else v.tanh()

    def _on_grid(self, inside: Tensor, limit: Tensor) -> QuantizedState:
        integers = (inside / limit * self.highest).round()
        return QuantizedState(integers * (limit / self.highest), integers, limit)

    def _limit_of(self, v: Tensor) -> Tensor:
        if self.scale == 'stored' and not self.training:
            return self._stored(v)
        limit = self._largest(v)
        self.learn(limit)
        return limit

    def _largest(self, v: Tensor) -> Tensor:
        # An empty batch, or one that has fired everywhere, has nothing to scale by.
        smallest = torch.finfo(v.dtype).tiny
        return v.abs().amax().clamp(min=smallest) if v.numel() else v.new_tensor(1.0)

    def _stored(self, v: Tensor) -> Tensor:
        limit = self.running_limit
        if limit.dtype != v.dtype:  # an exported graph would check it at each step
            limit = limit.to(v.dtype)
        return limit.clamp(min=torch.finfo(v.dtype).tiny)

    def settings(self) -> dict[str, Any]:
        """What decides its values; weights of other settings warn when they are loaded."""
        kind = type(self).__name__
        return dict(type=kind, bits=self.bits, squash=self.squash, scale=self.scale)

    def extra_repr(self) -> str:
        """Settings that ``print(model)`` shows."""
        return f'bits={self.bits}, squash={self.squash}, scale={self.scale}'


def build_state_quantizer(setting: dict | UniformState | None, T: int) -> UniformState | None:
    """The quantiser of what a neuron keeps between its real time steps.

    Args:
        setting: Config of a :class:`UniformState`, or one; None keeps potentials as they are.
        T: Number of real time steps of the neuron. With one nothing is kept and nothing is
            quantised; the setting is checked all the same.

    Returns:
        The quantiser, or None.

    Raises:
        ValueError: It is none of these.
    """
    if setting is None:
        return None
    example = "dict(type='UniformState', bits=4)"
    takes = 'bits, squash, scale and momentum'
    built = build_part(setting, UniformState, 'state_quant', example, takes)
    return built if T > 1 else None

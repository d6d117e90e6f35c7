"""The SFA neuron as a module."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .base import SpikingNeuron
from .functional import (
    GradMask,
    GradRange,
    Rounding,
    check_grad_mask,
    check_levels,
    check_time,
    integer_fire,
    integer_fire_one_step,
    integer_fire_over_time,
)
from .functional.stored_spikes import remembered
from .state_quant import UniformState, build_state_quantizer
from .threshold import AFT, build_threshold, number_of, numbered


@MODELS.register_module()
class SFA(SpikingNeuron):
    r"""Spike Firing Approximation neuron.

    .. math:: y = \mathrm{round}(\mathrm{clamp}(x, 0, D)) / \mathrm{norm}

    Trains with integers 0..D and infers with at most D binary spikes. Source: Yao et al.,
    https://arxiv.org/abs/2411.16061; the mathematics is in :mod:`mmsfa.neurons.functional`.

    Args:
        D: Number of levels (virtual time steps).
        norm: Divisor of the counts; ``None`` divides by D, ``1`` leaves integers.
        rounding: ``'half_even'`` or ``'half_up'``.
        grad_range: Range of the straight-through gradient, ``'closed'`` or ``'open'``.
        inplace: Accepted because mmcv's ``ConvModule`` passes it to every activation, and without
            effect: in a pre-activation network the input is the membrane shortcut. A layer that
            knows better sets ``owns_input``.
        T: Number of real time steps that are folded into the batch axis; 1 for images.
        beta: Share of the membrane potential that stays until the next real time step.
        surrogate: The old name of ``grad_range``.
        state_quant: Config of the quantiser of what the spikes leave over for the next step, see
            :class:`~mmsfa.neurons.state_quant.UniformState`; None keeps it as it is. With T = 1
            nothing is kept.
        scale: ``'learned'`` divides the potential by one positive number of the layer, which is
            trained with it and starts at 1: a threshold of another height. Counts and spikes are
            those of the divided potential. Our own; for layers that nothing normalises. None, as
            published, has none.
        grad_mask: ``'fired'`` passes a gradient where the count is not 0 only; a silent step before
            a spike still gets what flows back through the membrane potential. ``'fired_cut'`` stops
            that, too: no silent element gets a gradient. None, as published, passes it for 0, too,
            in the range of the gradient. Counts are the same.
        threshold: Config of an adaptive threshold, see :class:`~mmsfa.neurons.threshold.AFT`: the
            potential that one count stands for. None is 1.

    Shape:
        - Input: (T*B, ...), membrane potential.
        - Output: (T*B, ...), counts / norm.

    Raises:
        ValueError: A setting is out of its range.
    """

    output_settings = ('rounding',)

    def __init__(
        self,
        D: int = 4,
        norm: float | None = None,
        rounding: Rounding = 'half_even',
        grad_range: GradRange = 'closed',
        inplace: bool = False,
        T: int = 1,
        beta: float = 0.25,
        surrogate: GradRange | None = None,
        state_quant: dict | UniformState | None = None,
        scale: Literal['learned'] | None = None,
        grad_mask: GradMask | None = None,
        threshold: dict | AFT | None = None,
    ) -> None:
        super().__init__()
        if scale not in ('learned', None):
            raise ValueError(f"scale of SFA must be 'learned' or None, got {scale!r}.")
        self.log_scale = nn.Parameter(torch.zeros(())) if scale == 'learned' else None
        if surrogate is not None:
            warnings.warn('surrogate of SFA is now grad_range.', DeprecationWarning, stacklevel=2)
            grad_range = surrogate
        self.norm = check_levels(D, norm, rounding, grad_range)
        check_time(T, beta)
        self.D = D
        self.rounding = rounding
        self.grad_range: GradRange = grad_range
        self.T = T
        self.beta = beta
        check_grad_mask(grad_mask)
        self.grad_mask = grad_mask
        self.threshold = build_threshold(threshold, T, 1.0)
        if self.threshold is not None and scale is not None:
            raise ValueError(
                "threshold and scale='learned' of SFA both set the potential of one count, and the "
                'threshold undoes any scale: leave one of them out.'
            )
        self.state_quant = build_state_quantizer(state_quant, T)
        if self.state_quant and beta == 0:
            raise ValueError(
                'SFA keeps nothing from one step to the next with beta=0, so there is nothing that '
                'state_quant could quantise: leave one of them out.'
            )

    @property
    def surrogate(self) -> GradRange:
        """The old name of ``grad_range``."""
        warnings.warn('surrogate of SFA is now grad_range.', DeprecationWarning, stacklevel=2)
        return self.grad_range

    def levels_of(self, x: Tensor) -> Tensor:
        """A potential in levels: what is clamped and rounded, shape and dtype as ``x``.

        With real time steps an adaptive threshold is met in each step by itself, not here.
        """
        if self.threshold is not None and self.T == 1:
            return x * self.threshold(x).reciprocal()  # a factor, as exported
        return x if self.log_scale is None else x * (-self.log_scale).exp()

    def forward(self, x: Tensor) -> Tensor:
        """Fire: (T*B, ...) membrane potential in, (T*B, ...) counts / norm out."""
        x = self.levels_of(x)
        if self.T == 1:
            return integer_fire(
                x,
                self.D,
                self.norm,
                self.rounding,
                self.grad_range,
                inplace=self.owns_input,
                grad_mask=self.grad_mask,
            )
        fired = integer_fire_over_time(
            x,
            self.T,
            self.D,
            self.norm,
            self.beta,
            self.rounding,
            self.grad_range,
            store=self.state_quant,
            grad_mask=self.grad_mask,
            threshold=self.threshold and self.threshold.of_steps(),
        )
        return remembered(fired, self.D, self.norm)

    def fire_one_step(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """One real time step, (B, ...); the membrane is what the spikes have left over."""
        x = self.levels_of(x)
        backward = self.rounding, self.grad_range
        if self.beta == 0 and self.threshold is None:
            fired = integer_fire(x, self.D, self.norm, *backward, grad_mask=self.grad_mask)
            return fired, None
        step = number_of(membrane) if self.threshold is not None else 0
        height = self.threshold.of_step(step) if self.threshold and self.T > 1 else None
        counts, residue = integer_fire_one_step(
            x, membrane, self.D, self.beta, *backward, self.state_quant, self.grad_mask, height
        )
        if self.threshold is not None:
            residue = numbered(residue, step)
        return counts if self.norm == 1 else counts / self.norm, residue

    def settings(self) -> dict[str, Any]:
        """What decides its output; beta does only where time steps follow each other."""
        found = super().settings() | ({'beta': self.beta} if self.T > 1 else {})
        if self.state_quant:
            found['state_quant'] = self.state_quant.settings()
        if self.log_scale is not None:
            found['scale'] = 'learned'
        if self.threshold is not None:
            found['threshold'] = self.threshold.settings()
        return found

    def extra_repr(self) -> str:
        """Settings that ``print(model)`` shows."""
        time = f', T={self.T}, beta={self.beta}' if self.T > 1 else ''
        scale = '' if self.log_scale is None else ", scale='learned'"
        mask = f', grad_mask={self.grad_mask}' if self.grad_mask else ''
        return (
            f'D={self.D}, norm={self.norm}, rounding={self.rounding}, '
            f'grad_range={self.grad_range}{time}{scale}{mask}'
        )

"""A loss that asks for fewer, or more, spikes."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmsfa.spiking.measure.observer import neurons_of

from .auxiliary_loss import AuxiliaryLoss, Batch


@MODELS.register_module()
class FiringRateLoss(AuxiliaryLoss):
    r"""Squared distance of the firing rates from a target, averaged over the neuron layers.

    .. math:: L = \frac{1}{|l|} \sum_l (r_l - r^*)^2

    :math:`r_l` is the mean firing rate of a neuron layer in this batch: emitted spikes over
    possible ones. Each layer counts alike, however large its maps. The gradient goes through the
    neuron's surrogate.

    Args:
        target: Firing rate :math:`r^*`, 0..1.
        above_only: Whether rates below the target are left alone.
        weight: Factor of the loss. A rate of 0.2 above the target costs 0.04 of it.

    Raises:
        ValueError: The target is no rate, or the model has no spiking neuron.
    """

    of_spikes = True

    def __init__(self, target: float = 0.1, above_only: bool = False, weight: float = 1.0) -> None:
        super().__init__(weight)
        if not 0 <= target <= 1:
            raise ValueError(f'target of FiringRateLoss must be a rate in 0..1, got {target!r}.')
        self.target = target
        self.above_only = above_only

    def check(self, model: nn.Module) -> None:
        """Refuse a model without spiking neurons."""
        if not neurons_of(model):
            raise ValueError(
                f'FiringRateLoss needs a model with spiking neurons, but {type(model).__name__} '
                'has none: take the loss out of `losses`.'
            )

    def watched(self, model: nn.Module) -> list[str]:
        """All spiking neurons."""
        return list(neurons_of(model))

    def forward(self, outputs: dict[str, list[Any]], batch: Batch) -> Tensor:
        """The loss of one step; a neuron that did not run is left out.

        Raises:
            ValueError: None did.
        """
        neurons = neurons_of(batch.model)
        rates = []
        for name, calls in outputs.items():
            sizes = [output.numel() for output in calls]
            if sum(sizes):
                means = [neurons[name].mean_rate_of(one) for one in calls if one.numel()]
                shares = [size / sum(sizes) for size in sizes if size]
                rates.append(sum(m * s for m, s in zip(means, shares, strict=True)))
        if not rates:
            raise ValueError(
                'FiringRateLoss saw no spiking neuron run in this step: it needs a model whose '
                'training goes through its neurons.'
            )
        off = torch.stack(rates) - self.target
        return (off.clamp(min=0) if self.above_only else off).square().mean()

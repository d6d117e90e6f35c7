"""A loss that asks for fewer, or more, spikes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.registry import MODELS
from torch import Tensor

from .auxiliary_loss import Batch
from .of_neurons import NeuronLoss


@MODELS.register_module()
class FiringRateLoss(NeuronLoss):
    r"""Squared distance of the firing rates from a target, averaged over the neuron layers.

    .. math:: L = \frac{1}{|l|} \sum_l (r_l - r^*)^2

    :math:`r_l` is the mean firing rate of a neuron layer in this batch: emitted spikes over
    possible ones. Each layer counts alike, however large its maps. The gradient goes through the
    neuron's surrogate. With ``target=0.5, weight=5e-3, skip=('first', 'last')`` it is that of
    Q-SNN, https://arxiv.org/abs/2406.13672.

    Args:
        target: Firing rate :math:`r^*`, 0..1.
        above_only: Whether rates below the target are left alone.
        weight: Factor of the loss. A rate of 0.2 above the target costs 0.04 of it.
        skip: Neurons that are left out, see :class:`~mmsfa.losses.of_neurons.NeuronLoss`.

    Raises:
        ValueError: The target is no rate, or the model has no spiking neuron.
    """

    def __init__(
        self,
        target: float = 0.1,
        above_only: bool = False,
        weight: float = 1.0,
        skip: Sequence[str] = (),
    ) -> None:
        super().__init__(weight, skip)
        if not 0 <= target <= 1:
            raise ValueError(f'target of FiringRateLoss must be a rate in 0..1, got {target!r}.')
        self.target = target
        self.above_only = above_only

    def forward(self, outputs: dict[str, list[Any]], batch: Batch) -> Tensor:
        """The loss of one step; a neuron that did not run is left out.

        Raises:
            ValueError: None did.
        """
        rates = []
        for neuron, calls in self.fired(outputs, batch):
            total = sum(one.numel() for one in calls)
            rates.append(sum(neuron.mean_rate_of(one) * (one.numel() / total) for one in calls))
        off = torch.stack(rates) - self.target  # type: ignore[arg-type]  # no neuron has no call
        return (off.clamp(min=0) if self.above_only else off).square().mean()

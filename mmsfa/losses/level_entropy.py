"""A loss that asks neurons to use all of their levels."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.registry import MODELS
from torch import Tensor

from .auxiliary_loss import Batch
from .of_neurons import NeuronLoss


@MODELS.register_module()
class LevelEntropyLoss(NeuronLoss):
    r"""One less the entropy of the levels, averaged over the neuron layers.

    .. math:: L = 1 - \frac{1}{|l|} \sum_l H_l, \qquad
        H_l = -\frac{1}{\log(D + 1)} \sum_{k=0}^{D} p_{l,k} \log p_{l,k}

    :math:`p_{l,k}` is the share of outputs of a layer with the count k in this batch. Q-SNN
    (https://arxiv.org/abs/2406.13672) asks binary neurons for a rate of 1/2, where their entropy is
    largest; this is the form for integers 0..D, and ours. Its gradient is described at
    :func:`~mmsfa.neurons.functional.level_entropy`.

    More levels in use are more spikes, too: the uniform histogram has a firing rate of 1/2.

    Args:
        weight: Factor of the loss, which lies in 0..1.
        skip: Neurons that are left out, see :class:`~mmsfa.losses.of_neurons.NeuronLoss`.
    """

    def forward(self, outputs: dict[str, list[Any]], batch: Batch) -> Tensor:
        """The loss of one step; a neuron that did not run is left out.

        Raises:
            ValueError: None did.
        """
        entropies = [
            neuron.entropy_of(torch.cat([x.flatten() for x in calls]))
            for neuron, calls in self.fired(outputs, batch)
        ]
        return 1 - torch.stack(entropies).mean()

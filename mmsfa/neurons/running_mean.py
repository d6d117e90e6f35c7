"""Running means that a neuron learns in training and takes as they are in evaluation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .functional import is_exporting


class RunningMean(nn.Module):
    """Base of modules that keep one running mean, as a BN does: the first value of all is it.

    Attributes:
        momentum: Share of the newest value in the mean.
        running_name: Name of the buffer with the mean; None keeps none.
        num_batches_tracked: How often it has learnt: a buffer of the mean's shape.
    """

    momentum: float
    running_name: str | None = None
    num_batches_tracked: Tensor

    def keep_mean(self, name: str, start: Tensor) -> None:
        """Register the buffers.

        Args:
            name: Of the buffer.
            start: The mean before any training.
        """
        self.running_name = name
        self.register_buffer(name, start)
        self.register_buffer('num_batches_tracked', torch.zeros(start.shape, dtype=torch.long))

    @torch.no_grad()
    def learn(self, value: Tensor, place: int | None = None) -> None:
        """Put a new value into the mean; nothing while a graph is exported.

        Args:
            value: A scalar.
            place: Which element of the mean it is; None is the mean itself, a scalar.
        """
        if is_exporting() or self.running_name is None:
            return
        mean, count = getattr(self, self.running_name), self.num_batches_tracked
        if place is not None:
            mean, count = mean[place], count[place]
        share = torch.where(count == 0, 1.0, self.momentum)
        mean.lerp_(value.to(mean), share.to(mean))
        count += 1

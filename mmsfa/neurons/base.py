"""What an observer may rely on in every spiking neuron."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import methodcaller
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from .functional import level_entropy, spike_train, spikes_at, straight_through
from .weight_settings import keep_settings

_Amount = TypeVar('_Amount', Tensor, np.ndarray, float)


class SpikingNeuron(nn.Module):
    """Base of all spiking neurons: its output is ``counts / norm`` with counts in lowest..D.

    Who counts, executes or draws spikes asks the methods below: nothing outside of this package
    does arithmetic with D, lowest and norm.

    Attributes:
        D: Number of levels (virtual time steps) per real time step.
        lowest: Smallest count: 0, or -D in a neuron whose spikes have signs.
        norm: Divisor of the counts.
        T: Number of real time steps that are folded into the batch axis of a call; 1 keeps no
            memory of the call before.
        owns_input: Whether nothing else reads the input, so that a pass without gradients may
            overwrite it. Only a layer that made the input itself sets this.
        output_settings: Names of further attributes that decide the output.
    """

    D: int
    lowest: int = 0
    norm: float
    T: int = 1
    owns_input: bool = False
    output_settings: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        keep_settings(self, methodcaller('settings'))

    def settings(self) -> dict[str, Any]:
        """What decides its output; weights that had other settings warn when they are loaded."""
        names = ('D', *(['lowest'] if self.lowest else []), 'norm', 'T', *self.output_settings)
        return {'neuron': type(self).__name__, **{name: getattr(self, name) for name in names}}

    def fire_one_step(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """One real time step, for callers that hold the membrane potential themselves.

        Args:
            x: Input of this step, shape (B, ...).
            membrane: What this method gave in the step before; None in the first step.

        Returns:
            Output (counts / norm) of this step and what it leaves for the next one; None if it
            leaves nothing.

        Raises:
            NotImplementedError: The neuron has no real time steps.
        """
        raise NotImplementedError(
            f'{type(self).__name__} has no real time steps: it must define fire_one_step.'
        )

    def per_spike(self, x: _Amount) -> _Amount:
        """What spikes are worth: counts become outputs, and weights what one spike adds."""
        return x if self.norm == 1 else x / self.norm

    def counts_of(self, output: Tensor) -> Tensor:
        """The whole numbers behind an output, in its shape and dtype."""
        return (output.detach() * self.norm).round_()

    def integers_of(self, output: Tensor) -> Tensor:
        """As :meth:`counts_of`, in the smallest type of integers that holds them."""
        small = torch.int8 if self.lowest else torch.uint8
        dtype = small if torch.iinfo(small).max >= self.D else torch.int32
        return self.counts_of(output).to(dtype)

    def spikes_of(self, output: Tensor) -> Tensor:
        """The spikes of all virtual steps, (D, *output), dtype of the output; -1 is a spike, too.

        Raises:
            ValueError: The output is none of this neuron.
        """
        return spike_train(self.counts_of(output), self.D, self.lowest)

    def steps_of(self, output: Tensor) -> Iterator[Tensor]:
        """As :meth:`spikes_of`, one virtual step after the other and unchecked: less memory."""
        for step in range(self.D):  # no counts are made: outputs lie between those thresholds
            yield spikes_at(output.detach(), self.per_spike(step + 0.5), self.lowest)

    def total_of(self, output: Tensor, axes: tuple[int, ...]) -> Tensor:
        """How many spikes an output holds, whatever their sign, summed over some axes; float64."""
        # The channels of one place add up to less than float32 can count.
        wide = output.dtype == torch.float64 or len(axes) == output.dim()
        output = output.detach().abs() if self.lowest else output.detach()
        sums = output.sum(axes, dtype=torch.float64 if wide else torch.float32)
        return (sums.double() * self.norm).round_()

    def sums_of(self, output: Tensor, axis: int) -> Tensor:
        """The sum of counts over one axis, which stays; whole numbers, with a gradient.

        Args:
            output: Counts / norm.
            axis: It gets the size 1.

        Returns:
            At least float32. The gradient is that of the sum times norm.
        """
        wide = torch.promote_types(output.dtype, torch.float32)
        sums = output.sum(axis, keepdim=True, dtype=wide) * self.norm
        return straight_through(sums, sums.detach().round())

    def capacity_of(self, outputs: Tensor | int) -> float:
        """The largest number of spikes that an output of this size, or so many, could hold."""
        return float((outputs if isinstance(outputs, int) else outputs.numel()) * self.D)

    def rates_of(self, output: Tensor, axis: int) -> Tensor:
        """Firing rates 0..1, averaged over one axis; float32."""
        output = output.detach().abs() if self.lowest else output.detach()
        return output.mean(axis, dtype=torch.float32) * (self.norm / self.D)

    def mean_rate_of(self, output: Tensor) -> Tensor:
        """The mean firing rate 0..1 of an output, with its gradient; a scalar, at least float32."""
        output = output.abs() if self.lowest else output
        wide = torch.promote_types(output.dtype, torch.float32)
        return output.mean(dtype=wide) * (self.norm / self.D)

    def entropy_of(self, output: Tensor) -> Tensor:
        """The entropy 0..1 of its histogram, a scalar; :func:`level_entropy` has its gradient."""
        counts = output if self.norm == 1 else output * self.norm
        return level_entropy(counts - self.lowest, self.D - self.lowest + 1)

    def histogram_of(self, output: Tensor) -> Tensor:
        """How many elements have each count lowest..D, int64."""
        counts = self.integers_of(output).flatten()
        if self.lowest:
            counts = counts.int() - self.lowest
        return torch.bincount(counts, minlength=self.D - self.lowest + 1)

    def spikes_of_bins(self) -> list[int]:
        """How many spikes, of either sign, an element in each bin of :meth:`histogram_of` has."""
        return [abs(count) for count in range(self.lowest, self.D + 1)]

    def rate_of_histogram(self, shares: Sequence[float]) -> float:
        """The mean firing rate 0..1 behind the shares of elements with each count lowest..D."""
        spikes = zip(self.spikes_of_bins(), shares, strict=True)
        return sum(count * share for count, share in spikes) / self.D

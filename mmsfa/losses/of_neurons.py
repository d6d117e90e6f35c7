"""What the losses of firing neurons share: which neurons count."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn

from mmsfa.neurons import SpikingNeuron
from mmsfa.spiking.measure.observer import neurons_of

from .auxiliary_loss import AuxiliaryLoss, Batch

_ENDS = ('first', 'last')


class NeuronLoss(AuxiliaryLoss):
    """Base of the losses of what neurons fire.

    Args:
        weight: Factor of the loss.
        skip: Neurons that are left out: ``'first'`` and ``'last'`` are those that run first and
            last in a step, anything else is a name or a pattern of names (``'neck.*'``). First and
            last are looked for among those that no pattern names.

    Raises:
        ValueError: The model has no spiking neuron, or a pattern fits none of them.
    """

    of_spikes = True

    def __init__(self, weight: float = 1.0, skip: Sequence[str] = ()) -> None:
        super().__init__(weight)
        self.skip = (skip,) if isinstance(skip, str) else tuple(skip)

    def check(self, model: nn.Module) -> None:
        """Refuse a model without spiking neurons, and a pattern that fits none."""
        kind, neurons = type(self).__name__, neurons_of(model)
        if not neurons:
            raise ValueError(
                f'{kind} needs a model with spiking neurons, but {type(model).__name__} '
                'has none: take the loss out of `losses`.'
            )
        for pattern in self._patterns():
            if not any(_fits(name, pattern) for name in neurons):
                raise ValueError(
                    f"skip of {kind} must hold 'first', 'last' or patterns of names of neurons, "
                    f'and {pattern!r} fits none. Neurons are called '
                    f'{", ".join(list(neurons)[:3])} and so on.'
                )
        if not self.watched(model):
            raise ValueError(f'skip of {kind} leaves out every neuron: {list(self.skip)}.')

    def watched(self, model: nn.Module) -> list[str]:
        """All spiking neurons but those that a pattern leaves out."""
        patterns = self._patterns()
        return [n for n in neurons_of(model) if not any(_fits(n, one) for one in patterns)]

    def fired(
        self, outputs: dict[str, list[Any]], batch: Batch
    ) -> list[tuple[SpikingNeuron, list[Tensor]]]:
        """Each neuron that counts with the outputs of its calls, in the order in which they ran.

        Raises:
            ValueError: None ran, or none is left.
        """
        neurons = neurons_of(batch.model)
        ran = [(neurons[n], [x for x in calls if x.numel()]) for n, calls in outputs.items()]
        ran = [(neuron, calls) for neuron, calls in ran if calls]
        if not ran:
            raise ValueError(
                f'{type(self).__name__} saw no spiking neuron run in this step: it needs a model '
                'whose training goes through its neurons.'
            )
        left = ran['first' in self.skip : len(ran) - ('last' in self.skip)]
        if not left:
            raise ValueError(
                f'{type(self).__name__} leaves out {", ".join(self.skip)}, and only {len(ran)} '
                'neurons ran: set skip=().'
            )
        return left

    def _patterns(self) -> list[str]:
        return [one for one in self.skip if one not in _ENDS]


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f'{pattern}.*')

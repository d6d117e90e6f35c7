"""Firing rates counted from outside, by forward hooks; no activation is ever kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from mmsfa.neurons import SpikingNeuron

# The first pattern that matches the start of a module's name gives its stage.
_STAGES = (
    (re.compile(r'(.*?backbone\.)?(?:stages|downsample_layers)\.(\d+)'), r'\1stages.\2'),
    (re.compile(r'(roi_head\.\w+?_head|auxiliary_head|decode_head)(?:\.(\d+)(?=\.))?'), None),
    (re.compile(r'(\w+)'), r'\1'),
)


def stage_of(name: str) -> str:
    """The part of a model, and in the backbone its stage, that a module belongs to.

    Example:
        >>> stage_of('backbone.downsample_layers.2.neuron')
        'backbone.stages.2'
        >>> stage_of('roi_head.mask_head.convs.0.activate')
        'roi_head.mask_head'
    """
    for pattern, template in _STAGES:
        found = pattern.match(name)
        if found:
            return found.expand(template) if template else '.'.join(filter(None, found.groups()))
    return name or 'model'


def in_model_order(stages: Iterable[str]) -> list[str]:
    """Sort the numbered stages of each part, and leave the parts where they first stand."""
    parts: dict[str, list[str]] = {}
    for stage in stages:
        parts.setdefault(stage.rstrip('0123456789'), []).append(stage)
    for part, members in parts.items():
        members.sort(key=lambda stage, part=part: int(stage.removeprefix(part) or 0))
    return [stage for members in parts.values() for stage in members]


class FiringRateCounter:
    """Counts the spikes of every spiking neuron while a model runs.

    The rate of a neuron, a stage or the whole model is *emitted spikes / possible spikes*, where
    each element of each output can emit D. So a large feature map weighs more than a small one,
    as it does in the energy it costs.

    Args:
        model: Any model; those without a `SpikingNeuron` have no rates.
    """

    def __init__(self, model: nn.Module) -> None:
        self.neurons = {
            name: module
            for name, module in model.named_modules()
            if isinstance(module, SpikingNeuron)
        }
        # name -> [emitted spikes, possible spikes], on the device of the neuron's output
        self.totals: dict[str, Tensor] = {}
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def attach(self) -> None:
        """Start counting."""
        if self._handles:
            return
        for name, neuron in self.neurons.items():
            self._handles.append(neuron.register_forward_hook(self._hook(name)))

    def detach(self) -> None:
        """Stop counting; the model is as it was before."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def reset(self) -> None:
        """Forget what was counted."""
        self.totals.clear()

    def _hook(self, name: str) -> Callable:
        @torch.no_grad()
        def count(neuron: SpikingNeuron, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            possible = float(output.numel() * neuron.D)
            emitted = output.detach().sum(dtype=torch.float32).double() * float(neuron.norm)
            total = self.totals.setdefault(name, emitted.new_zeros(2))
            total += torch.stack([emitted, emitted.new_tensor(possible)])

        return count

    def layer_totals(self) -> dict[str, tuple[float, float]]:
        """(emitted, possible) of each neuron, summed over all ranks."""
        if not self.neurons:
            return {}
        device = next((total.device for total in self.totals.values()), torch.device('cpu'))
        empty = torch.zeros(2, dtype=torch.float64, device=device)
        table = torch.stack([self.totals.get(name, empty) for name in self.neurons])
        all_reduce(table)
        return {
            name: (emitted, possible)
            for name, (emitted, possible) in zip(self.neurons, table.tolist(), strict=True)
        }

    def rates(self, per_layer: bool = False) -> dict[str, float]:
        """Firing rates in [0, 1].

        Args:
            per_layer: Add one entry for each neuron, by its full name.

        Returns:
            ``mean``, one entry for each stage and perhaps each neuron, in the model's order; empty
            when nothing was counted. Neurons that never ran are left out.
        """
        layers = {name: total for name, total in self.layer_totals().items() if total[1] > 0}
        sums: dict[str, tuple[float, float]] = {}
        for name, (emitted, possible) in layers.items():
            for group in ('mean', stage_of(name)):
                old = sums.get(group, (0.0, 0.0))
                sums[group] = (old[0] + emitted, old[1] + possible)
        ordered = {group: sums[group] for group in in_model_order(sums)}
        if per_layer:
            ordered |= layers
        return {name: emitted / possible for name, (emitted, possible) in ordered.items()}

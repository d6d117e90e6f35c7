"""Step-by-step simulation of integrate-and-fire neurons: no layer waits for the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from mmsfa.model_parts import is_behind_proposals
from mmsfa.neurons import SFA, SpikingNeuron
from mmsfa.neurons.functional import integrate_one_step
from mmsfa.spiking.measure.observer import instance_attribute, observation_paused

from .spike_driven_pass import replace_synapses


def unfit_for_membrane(neurons: dict[str, SpikingNeuron]) -> str:
    """Why these neurons cannot run in this form, as a part of a sentence; empty if they can.

    Args:
        neurons: Neurons of a model by name.
    """
    timed = next((name for name, m in neurons.items() if m.T > 1), None)
    if timed is not None:
        return f'simulates static images, and {timed} has T = {neurons[timed].T} real time steps'
    other = next((name for name, m in neurons.items() if not isinstance(m, SFA)), None)
    if other is not None:  # they have another threshold and another reset
        return f'simulates SFA neurons, and {other} is a {type(neurons[other]).__name__}'
    return ''


class MembranePasses:
    """Runs a model once for each virtual step and keeps every membrane potential in between.

    After step d a part d / D of the image, of every bias and of the shift of every BN has arrived.
    All layers between the neurons are linear, so charges and spikes are handled as sums over the
    steps so far.

    Args:
        model: The model.
        neurons: Its neurons by name.

    Raises:
        ValueError: A neuron has real time steps of its own, or is no SFA neuron.
    """

    def __init__(self, model: nn.Module, neurons: dict[str, SpikingNeuron]) -> None:
        unfit = unfit_for_membrane(neurons)
        if unfit:
            raise ValueError(f"mode='membrane' {unfit}: use mode='spikes'.")
        self.model = model
        # The proposals of a detector are known after the last step only, and with them what the
        # neurons behind them see: those wait for their whole charge.
        waiting = {n: m for n, m in neurons.items() if not is_behind_proposals(n)}
        self.neurons = {n: m for n, m in waiting.items() if isinstance(m, SFA)}  # all of them
        self.steps = max(neuron.D for neuron in neurons.values())
        self.step = 1
        # A neuron may run several times in a pass (pyramid levels, windows): one state for each.
        self.states: dict[SpikingNeuron, list[Tensor]] = {}
        self.calls: dict[SpikingNeuron, int] = {}

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Replace the forward of the model, its neurons and its layers for a while."""
        with ExitStack() as stack:
            for neuron in self.neurons.values():
                stack.enter_context(instance_attribute(neuron, 'forward', self._fire(neuron)))
            stack.enter_context(replace_synapses(self.model, lambda: self.step / self.steps))
            run = self._run_all_steps(self.model.forward)
            stack.enter_context(instance_attribute(self.model, 'forward', run))
            yield

    def _run_all_steps(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(inputs: Tensor | Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
            self.states.clear()
            for step in range(1, self.steps + 1):
                self.step = step
                self.calls.clear()
                arrived = _scaled(inputs, step / self.steps)
                # What all steps have emitted is there after the last one: that one is observed.
                with observation_paused() if step < self.steps else nullcontext():
                    outputs = forward(arrived, *args, **kwargs)
            return outputs

        return run

    def _fire(self, neuron: SFA) -> Callable[[Tensor], Tensor]:
        @torch.no_grad()
        def forward(x: Tensor) -> Tensor:
            states = self.states.setdefault(neuron, [])
            call = self.calls.get(neuron, 0)
            self.calls[neuron] = call + 1
            before = states[call] if call < len(states) else None
            counts = integrate_one_step(neuron.levels_of(x), before, neuron.D)
            states[call:] = [counts, *states[call + 1 :]]
            return neuron.per_spike(counts)

        return forward


def _scaled(inputs: Tensor | Sequence[Tensor], share: float) -> Tensor | list[Tensor]:
    if isinstance(inputs, Tensor):
        return inputs * share
    return [one * share for one in inputs]

"""A network of spike times, run spike by spike as an event-driven chip would, with its work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import pairwise
from math import inf

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .codes import SpikeTimeError, check_times
from .layers import EarliestPool2d, SpikeTimeLayer
from .rules import ReLPSP

# What happens at one time: neurons fire before what arrives then, which is too late for them.
FIRES, ARRIVES = 0, 1


@dataclass
class EventRun:
    """What a run did.

    Attributes:
        order: (time, layer, neuron) of every spike of the network, in the order of time.
        times: Spike times of each layer, flat, float64; inf where silent.
        synapses: Spikes that met a synapse of a neuron that had not fired yet: each is one
            addition (slope) and one multiplication with an addition (charge).
        predictions: Divisions: a neuron that gets a spike predicts its own anew.
        queue: Entries of the queue.
    """

    order: list[tuple[float, int, int]] = field(default_factory=list)
    times: list[np.ndarray] = field(default_factory=list)
    synapses: int = 0
    predictions: int = 0
    queue: int = 0


class _State:
    """Synapses and neurons of one layer.

    Attributes:
        targets: For each input the neurons that it reaches, and its weights.
    """

    def __init__(self, layer: nn.Module, shape: tuple[int, ...]) -> None:
        rule = layer.rule if isinstance(layer, SpikeTimeLayer) else None
        self.rule = rule if isinstance(rule, ReLPSP) else None  # None of a pooling
        source, target, weight, self.shape = _synapses(layer, shape)
        by_source = np.argsort(source, kind='stable')
        source, target, weight = source[by_source], target[by_source], weight[by_source]
        bounds = np.searchsorted(source, np.arange(int(np.prod(shape)) + 1))
        self.targets = [(target[a:b], weight[a:b]) for a, b in pairwise(bounds)]
        neurons = int(np.prod(self.shape))
        self.slope = np.full(neurons, float(self.rule.beta if self.rule else 0))
        self.charge = np.full(neurons, float(self.rule.theta0 if self.rule else 0))
        self.version = np.zeros(neurons, dtype=np.int64)
        self.times = np.full(neurons, inf)

    def predicted(self, neurons: np.ndarray, now: float) -> np.ndarray:
        """When neurons will fire if nothing else arrives."""
        if self.rule is None:
            return np.full(len(neurons), now)  # with the first arrival
        rising = self.slope[neurons] > 0
        times = np.full(len(neurons), inf)
        np.divide(self.charge[neurons], self.slope[neurons], out=times, where=rising)
        times = np.maximum(times, now)
        return np.where(times <= self.rule.t_max, times, inf)


def run_events(layers: Sequence[nn.Module], t: Tensor) -> EventRun:
    """Run layers of `ReLPSP` neurons and poolings, one spike after the other.

    The results are those of the closed form: the same spikes in the same order. In Python it is
    slow; what it gives is the work that an event-driven chip would have.

    Args:
        layers: `SpikeTimeLinear`, `SpikeTimeConv2d` and `EarliestPool2d`, as they follow.
        t: Times of one sample, shape (inputs,) or (C, H, W).

    Returns:
        Spikes and work of the run.

    Raises:
        SpikeTimeError: A layer is another one, a read-out, or waits for a window.
    """
    check_times(t)
    states, shape = [], tuple(t.shape)
    for layer in layers:
        states.append(_State(layer, shape))
        shape = states[-1].shape
    run = EventRun(times=[state.times for state in states])
    queue = [(float(at), ARRIVES, 0, i, 0) for i, at in enumerate(t.flatten()) if at < inf]
    heapify(queue)
    run.queue = len(queue)

    def schedule(number: int, neurons: np.ndarray, now: float) -> None:
        state = states[number]
        state.version[neurons] += 1
        for neuron, at in zip(neurons, state.predicted(neurons, now), strict=True):
            if at < inf:
                heappush(queue, (float(at), FIRES, number, int(neuron), state.version[neuron]))
                run.queue += 1

    for number, state in enumerate(states):
        if state.rule is not None and state.rule.beta > 0:  # fires without input
            schedule(number, np.arange(len(state.times)), 0.0)
    while queue:
        now, kind, number, index, version = heappop(queue)
        state = states[number]
        if kind == ARRIVES:
            neurons, weights = state.targets[index]
            waiting = state.times[neurons] == inf
            neurons, weights = neurons[waiting], weights[waiting]
            if state.rule is not None:
                state.slope[neurons] += weights
                state.charge[neurons] += weights * now
                run.synapses += len(neurons)
                run.predictions += len(neurons)
            schedule(number, neurons, now)
        elif version == state.version[index] and state.times[index] == inf:
            state.times[index] = now
            run.order.append((now, number, index))
            if number + 1 < len(states):
                heappush(queue, (now, ARRIVES, number + 1, index, 0))
                run.queue += 1
    return run


def _synapses(
    layer: nn.Module, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, ...]]:
    """Input, neuron and weight of every synapse, and the shape of the layer's output."""
    sources = torch.arange(1, int(np.prod(shape)) + 1, dtype=torch.float64).reshape(1, *shape)
    if isinstance(layer, EarliestPool2d):
        size = layer.kernel_size
        patches = F.unfold(sources.transpose(0, 1), size, stride=size)  # (C, k*k, places)
        output: tuple[int, ...] = shape[0], shape[1] // size, shape[2] // size
        neurons = torch.arange(int(np.prod(output))).reshape(len(patches), 1, -1)
        weights = torch.ones(())
    elif not isinstance(layer, SpikeTimeLayer) or layer.readout or type(layer.rule) is not ReLPSP:
        raise SpikeTimeError(
            'Spike by spike run layers of ReLPSP neurons that fire, and EarliestPool2d, got '
            f'{layer}: WindowTTFS waits for its window, and a read-out never fires.'
        )
    elif layer.weight.dim() == 2:
        weights = layer.weight.detach()
        patches = sources.flatten()[None]
        output = (len(weights),)
        neurons = torch.arange(len(weights))[:, None]
    else:
        kernel, step, padding = layer.weight.shape[-1], layer.stride, layer.padding
        patches = F.unfold(sources, kernel, padding=padding, stride=step)  # (1, inputs, places)
        output = len(layer.weight), *((n + 2 * padding - kernel) // step + 1 for n in shape[1:])
        neurons = torch.arange(int(np.prod(output))).reshape(output[0], 1, -1)
        weights = layer.weight.detach().flatten(1)[..., None]
    found = torch.broadcast_tensors(patches.long() - 1, neurons, weights.double())
    source, target, weight = (part.flatten().cpu().numpy() for part in found)
    real = source >= 0  # the rest is padding
    return source[real], target[real], weight[real], output

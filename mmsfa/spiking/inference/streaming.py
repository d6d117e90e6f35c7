"""Run a network with real time steps step by step, as the data arrives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mmsfa.layers.fold import check_evaluation_mode
from mmsfa.neurons import RealTime, SpikingNeuron
from mmsfa.spiking.measure.observer import instance_attribute, neurons_of

Forward = Callable[..., Any]


class Stream:
    """The membrane potentials of a model between two time steps.

    Attributes:
        steps: Number of time steps since the start or the last reset.
    """

    def __init__(self) -> None:
        self.steps = 0
        self._running = False
        # A neuron may run several times in a step (pyramid levels): one state for each call.
        self._calls: Counter[str] = Counter()
        self._membranes: dict[tuple[str, int], tuple[torch.Size, Tensor | None]] = {}
        self._sums: dict[tuple[str, int], tuple[Tensor, ...]] = {}

    def reset(self) -> None:
        """Forget everything: the next step is the first one of a new sequence."""
        self.steps = 0
        self._membranes.clear()
        self._sums.clear()

    @contextmanager
    def entered(self, model: nn.Module, neurons: dict[str, SpikingNeuron]) -> Iterator[None]:
        """Replace the forward of the model, its neurons and what averages, for a while."""
        with ExitStack() as stack:
            stack.callback(self.reset)
            for name, neuron in neurons.items():
                fire = self._fire(name, neuron)
                stack.enter_context(instance_attribute(neuron, 'forward', fire))
            timed = _with_time_steps(model)
            for name, module in timed.items():
                stack.enter_context(instance_attribute(module, 'T', 1))
                stack.enter_context(instance_attribute(module, 'step', 0))
                if module.out_time == 'mean':
                    average = self._average(name, module.forward)
                    stack.enter_context(instance_attribute(module, 'forward', average))
            step = self._step(model.forward, timed.values())
            stack.enter_context(instance_attribute(model, 'forward', step))
            yield

    def _step(self, forward: Forward, timed: Iterable[RealTime]) -> Forward:
        def step(*args: Any, **kwargs: Any) -> Any:
            before = self.steps, dict(self._membranes), dict(self._sums)
            self._calls.clear()
            for module in timed:
                module.step = self.steps
            self.steps += 1
            self._running = True
            try:
                return forward(*args, **kwargs)
            except BaseException:  # a step that failed has not happened
                self.steps, self._membranes, self._sums = before
                raise
            finally:
                self._running = False

        return step

    def _fire(self, name: str, neuron: SpikingNeuron) -> Forward:
        @torch.no_grad()
        def fire(x: Tensor) -> Tensor:
            if not self._running:
                raise RuntimeError(
                    'Inside streaming() call the model itself, once for each time step, not a part '
                    'of it (extract_feat): nothing else says where a step begins.'
                )
            key = name, self._calls[name]
            self._calls[name] += 1
            shape, membrane = self._membranes.get(key, (x.shape, None))
            if shape != x.shape:
                raise ValueError(
                    f'All time steps of a stream must have the same batch and picture size, and '
                    f'{name or "the neuron"} got {tuple(x.shape)} after {tuple(shape)}: call '
                    'reset() before a new sequence.'
                )
            output, membrane = neuron.fire_one_step(x, membrane)
            self._membranes[key] = shape, membrane
            return output

        return fire

    def _average(self, name: str, forward: Forward) -> Forward:
        def average(*args: Any, **kwargs: Any) -> Tensor | tuple[Tensor, ...]:
            outs = forward(*args, **kwargs)
            new = (outs,) if isinstance(outs, Tensor) else tuple(outs)
            key = name, self._calls[name]  # windows: the backbone runs several times in a step
            self._calls[name] += 1
            if key in self._sums:
                new = tuple(a + b for a, b in zip(self._sums[key], new, strict=True))
            self._sums[key] = new
            means = tuple(out / self.steps for out in new)
            return means[0] if isinstance(outs, Tensor) else means

        return average


def _with_time_steps(model: nn.Module) -> dict[str, RealTime]:
    """Backbones, heads and layers that know the T steps in the batch axis.

    Each of them hands on the mean over time, unless it says ``out_time='batch'``.
    """
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, RealTime) and module.T > 1
    }


@contextmanager
def streaming(model: nn.Module) -> Iterator[Stream]:
    """Run a model step by step while the context is open: each call takes one real time step.

    A call gets (B, C, H, W) instead of all steps at once, (B, T*C, H, W). Neurons with real time
    steps (T > 1) carry their membrane potential to the next call; a sequence may go on for as
    long as it likes. A backbone or head that returns the mean over time returns the mean of the
    steps so far. So call t gives what the batched model gives for the first t steps; maps that
    keep their time (``out_time='batch'``) are those of step t. All counts are the same. There are
    no gradients.

    Open it before `spike_inference`, so that spikes are emitted from the streamed counts.

    Example:
        >>> with streaming(model) as stream:
        ...     for frames in sequence:  # (B, C, H, W)
        ...         scores = model(frames)
        ...     stream.reset()  # before the next sequence

    Args:
        model: A detector, segmentor, classifier or backbone with ``T`` > 1, in evaluation mode.

    Yields:
        The stream, which counts its steps and can be reset.

    Raises:
        ValueError: The model is in training mode, has no neuron with real time steps, or runs in
            another form of inference already; in a call, that the size has changed in between.
    """
    check_evaluation_mode(model, 'Streaming')
    neurons = {name: neuron for name, neuron in neurons_of(model).items() if neuron.T > 1}
    if not neurons:
        raise ValueError(
            f'{type(model).__name__} has no neuron with real time steps, so there is nothing to '
            'carry from one step to the next: build its backbone with T > 1.'
        )
    changed = next((name for name, neuron in neurons.items() if 'forward' in vars(neuron)), None)
    if changed is not None:
        raise ValueError(
            f'{changed or "The neuron"} runs in another form of inference already: open '
            'streaming() first and spike_inference() inside of it.'
        )
    stream = Stream()
    with stream.entered(model, neurons):
        yield stream

"""Spike-driven inference: the same model and checkpoint, run on binary spikes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal, get_args

import torch
from torch import nn

from mmsfa.errors import UserError
from mmsfa.layers.fold import check_evaluation_mode
from mmsfa.neurons import SpikingNeuron
from mmsfa.spiking.measure.observer import instance_attribute, neurons_of, products_of

from .membrane import MembranePasses
from .spike_driven_pass import emit_spikes, replace_synapses

Mode = Literal['integer', 'spikes', 'stepwise_attention', 'membrane']
MODES: tuple[str, ...] = get_args(Mode)


class NoSpikesError(UserError, ValueError):
    """The model counts no spikes."""


@contextmanager
def spike_inference(model: nn.Module, mode: Mode = 'spikes') -> Iterator[nn.Module]:
    """Run a model in another form of inference while the context is open.

    - ``'integer'``: as trained, every neuron hands on its count.
    - ``'spikes'``: every neuron emits binary spikes over D virtual steps (thermometer code, early
      first); every convolution and linear layer takes the binary map of one step after the other
      and accumulates, with BN and 1/norm folded into its weights and the bias added once. Attention
      works on counts; the first layer sees the picture and read-outs read membrane potentials, as
      in training. **Equal to 'integer'**: identical counts in float64.
    - ``'stepwise_attention'``: as ``'spikes'``, but attention multiplies the spikes of one step
      with those of the same step only. An **approximation**: much of the product is lost.
    - ``'membrane'``: no layer waits for the one before. In every step each integrate-and-fire
      neuron adds what arrives to its membrane potential, emits at most one spike and resets
      softly. An **approximation**: a spike cannot be taken back when inhibition comes later.
      Behind a detector's proposals (``roi_head``) neurons wait for their whole charge.

    The class, the weights and the checkpoint of the model stay as they are. Source: Proposition 1
    of https://arxiv.org/abs/2411.16061, with the rounding of the released code.

    Args:
        model: A detector, segmentor, classifier or backbone in evaluation mode.
        mode: One of the above.

    Yields:
        The model.

    Raises:
        ValueError: The mode is unknown, the model is in training mode or has no spiking neuron.
    """
    if mode not in MODES:
        raise ValueError(f'mode must be one of {", ".join(MODES)}, got {mode!r}.')
    neurons = neurons_of(model)
    if mode != 'integer':
        _check(model, neurons)
    with ExitStack() as stack:
        if mode == 'membrane':
            stack.enter_context(MembranePasses(model, neurons).entered())
        elif mode != 'integer':
            for neuron in neurons.values():
                method = emit_spikes(neuron, neuron.forward)
                stack.enter_context(instance_attribute(neuron, 'forward', method))
            stack.enter_context(replace_synapses(model))
        for product in products_of(model).values() if mode != 'integer' else ():
            method = product.stepwise if mode == 'stepwise_attention' else product.forward
            if product.emitter is not None and mode != 'membrane':
                method = emit_spikes(product.emitter, method)
            stack.enter_context(instance_attribute(product, 'forward', torch.no_grad()(method)))
        yield model


def _check(model: nn.Module, neurons: dict[str, SpikingNeuron]) -> None:
    check_evaluation_mode(model, 'Spike-driven inference')
    if not neurons:
        raise NoSpikesError(
            f'{type(model).__name__} has no spiking neuron, so there is nothing to run on spikes. '
            'Give a model with SFA neurons: the ANN twin has none, and networks of spike times '
            '(TTFSNet) count nothing, see mmsfa.spike_times.run_events.'
        )

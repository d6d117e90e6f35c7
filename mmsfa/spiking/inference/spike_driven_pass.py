"""Neurons that emit binary spikes, and layers that accumulate them step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmsfa.layers.effective_weight import Multiplies, as_plain
from mmsfa.neurons import SpikingNeuron
from mmsfa.neurons.functional import sum_spikes
from mmsfa.spiking.measure.emission import Emission
from mmsfa.spiking.measure.linearity import same_but_for_rounding
from mmsfa.spiking.measure.observer import instance_attribute, synapses_of

from .folded_bricks import FoldedBricks

# Share of the D steps that has passed: what a bias has contributed until now.
Elapsed = Callable[[], float]


def emit_spikes(neuron: SpikingNeuron, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A forward that fires binary spikes; what is not a synapse reads their sum / norm.

    Args:
        neuron: Whose spikes they are.
        forward: What gives its output: its own forward, or that of a product of spikes.
    """

    @torch.no_grad()
    def emit(*inputs: Tensor) -> Tensor:
        spikes = neuron.spikes_of(forward(*inputs))
        output = neuron.per_spike(sum_spikes(spikes))
        Emission(neuron, output, spikes.to(torch.int8 if neuron.lowest else torch.bool))
        return output

    return emit


@contextmanager
def replace_synapses(model: nn.Module, elapsed: Elapsed = lambda: 1.0) -> Iterator[None]:
    """Let every convolution and linear layer accumulate binary spikes, with BN folded.

    A layer that gets real values works on them as they are, with the same folded weights. A layer
    that transforms its weights and does not tell (`effective_weight`) keeps them and its BN; if it
    is not linear in its input, it reads counts (`AskedLayer`). A BN
    that no convolution stands right in front of stays, too; its shift arrives as a bias does.

    Args:
        model: A model in evaluation mode.
        elapsed: Share of the bias that has arrived.
    """
    bricks = FoldedBricks(model)
    with ExitStack() as stack:
        stack.enter_context(bricks.entered())
        for module in model.modules():
            if isinstance(module, ConvModule):  # mmcv's own fold would put its forward over ours
                option = 'efficient_conv_bn_eval_forward'
                stack.enter_context(instance_attribute(module, option, None))
            elif isinstance(module, _BatchNorm) and module.running_mean is not None:
                method = bricks.norm(module, _normalise(module, elapsed))
                stack.enter_context(instance_attribute(module, 'forward', method))
        for layer in synapses_of(model).values():
            plain, both = as_plain(layer), bricks.both.get(layer)
            method = AskedLayer(layer, elapsed) if plain is None else _accumulate(plain, elapsed)
            if both is not None:
                method = bricks.convolution(layer, _accumulate(both, elapsed), method)
            stack.enter_context(instance_attribute(layer, 'forward', method))
        yield


def _normalise(norm: _BatchNorm, elapsed: Elapsed) -> Callable[[Tensor], Tensor]:
    """A forward of a BN in evaluation mode of whose shift a share has arrived."""
    whole = norm.forward

    def forward(input: Tensor) -> Tensor:
        out, missing = whole(input), 1 - elapsed()
        if missing == 0:
            return out
        shift = whole(input.new_zeros(1, *input.shape[1:2], *[1] * (input.dim() - 2)))
        return out - missing * shift

    return forward


def _accumulate(plain: Multiplies, elapsed: Elapsed) -> Callable[..., Tensor]:
    """A forward that adds up binary steps.

    Args:
        plain: A copy of the layer that tells its weight, perhaps with its BN in it.
        elapsed: Share of the bias that has arrived.
    """
    bias = plain.bias
    if bias is not None:  # (C,) -> (C, 1, 1) for maps
        bias = bias.detach().reshape(-1, *[1] * (plain.weight.dim() - 2))
    twins: dict[SpikingNeuron | None, nn.Module] = {}

    def without_bias(neuron: SpikingNeuron | None) -> nn.Module:
        """A twin of the layer: its weights for one spike, and neither bias nor hooks."""
        if neuron not in twins:
            twin = _copy_of(plain)
            twin._parameters = {**plain._parameters, 'bias': None}
            if neuron is not None:
                weight = neuron.per_spike(plain.weight.detach())
                twin._parameters['weight'] = nn.Parameter(weight)
            twins[neuron] = twin
        return twins[neuron]

    @torch.no_grad()
    def forward(input: Tensor, *args: object, **kwargs: object) -> Tensor:
        emission = Emission.of(input)
        if emission is None or emission.spikes is None:  # real values, or counts as they are
            out = without_bias(None).forward(input, *args, **kwargs)
        else:
            twin = without_bias(emission.neuron)
            steps = (twin.forward(one.to(input.dtype), *args, **kwargs) for one in emission.spikes)
            out = _sum(steps)
        return out if bias is None else out.add_(bias, alpha=elapsed())

    forward.adds_up = True  # type: ignore[attr-defined]  # see is_plain
    return forward


class AskedLayer:
    """A forward for a layer that does not tell its weight: its own forward is all that is known.

    It gets the binary steps one by one. Where they do not add up to what it makes of the counts,
    it is not linear in its input (mmdet's ``NormedLinear`` normalises it) and reads the counts, as
    in training.

    Args:
        layer: The layer; it stays as it is. Hooks of it may change its weight at every call, as
            torch's weight norm does.
        elapsed: Share of the bias that has arrived.

    Attributes:
        reads_counts: Whether it has got spikes that it could not take one by one.
    """

    def __init__(self, layer: nn.Module, elapsed: Elapsed) -> None:
        self.forward = layer.forward
        self.elapsed = elapsed
        self.reads_counts = False

    @torch.no_grad()
    def __call__(self, input: Tensor, *args: object, **kwargs: object) -> Tensor:
        """What the layer gives, from spikes where it can take them."""

        def forward(x: Tensor) -> Tensor:
            return self.forward(x, *args, **kwargs)

        emission, missing = Emission.of(input), 1 - self.elapsed()
        out = forward(input)
        if emission is not None and emission.spikes is not None:
            bias = forward(torch.zeros_like(input))
            charge = _sum(forward(one.to(input.dtype)) - bias for one in emission.spikes)
            charge = emission.neuron.per_spike(charge)
            if same_but_for_rounding(out, [charge, bias]):
                return charge.add_(bias, alpha=1 - missing)
            self.reads_counts = True
        return out - missing * forward(torch.zeros_like(input)) if missing else out


def _sum(steps: Iterator[Tensor]) -> Tensor:
    total = next(steps)
    for one in steps:
        total.add_(one)
    return total


def _copy_of(layer: nn.Module) -> nn.Module:
    """A layer with the same parameters, whose forward is that of its class."""
    twin = copy(layer)
    twin.__dict__ = {key: value for key, value in vars(layer).items() if key != 'forward'}
    return twin

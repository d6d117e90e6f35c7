"""Neurons that emit binary spikes, and layers that accumulate them step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmsfa.layers.effective_weight import Multiplies, as_plain
from mmsfa.layers.fold import folded, norm_follows
from mmsfa.neurons import SpikingNeuron
from mmsfa.neurons.functional import sum_spikes
from mmsfa.spiking.measure.emission import Emission
from mmsfa.spiking.measure.observer import instance_attribute, synapses_of

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
    that transforms its weights and does not tell (`effective_weight`) keeps them and its BN. A BN
    that no convolution stands right in front of stays, too; its shift arrives as a bias does.

    Args:
        model: A model in evaluation mode.
        elapsed: Share of the bias that has arrived.
    """
    norms = _norms_behind(model)
    alone = {m for m in model.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None}
    with ExitStack() as stack:
        for brick in model.modules():
            if isinstance(brick, ConvModule):  # mmcv's own fold would put its forward over ours
                option = 'efficient_conv_bn_eval_forward'
                stack.enter_context(instance_attribute(brick, option, None))
        for layer in synapses_of(model).values():
            both = folded(layer, norms[layer]) if layer in norms else None
            method = _accumulate(both or layer, elapsed)
            stack.enter_context(instance_attribute(layer, 'forward', method))
            if both is not None:
                alone.discard(norms[layer])
                stack.enter_context(instance_attribute(norms[layer], 'forward', lambda x: x))
        for norm in alone:
            stack.enter_context(instance_attribute(norm, 'forward', _normalise(norm, elapsed)))
        yield


def _norms_behind(model: nn.Module) -> dict[nn.Module, nn.Module]:
    """Convolution -> norm of mmcv's bricks; not where several norms share a convolution."""
    bricks = [m for m in model.modules() if isinstance(m, ConvModule) and norm_follows(m)]
    users = Counter(brick.conv for brick in bricks)
    return {brick.conv: brick.norm for brick in bricks if users[brick.conv] == 1}


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


def _accumulate(layer: Multiplies, elapsed: Elapsed) -> Callable[..., Tensor]:
    """A forward that adds up binary steps.

    Args:
        layer: The layer, perhaps a copy that has taken over its BN.
        elapsed: Share of the bias that has arrived.
    """
    bias = layer.bias
    if bias is not None:  # (C,) -> (C, 1, 1) for maps
        bias = bias.detach().reshape(-1, *[1] * (layer.weight.dim() - 2))
    plain = as_plain(layer)
    layer = plain or layer
    twins: dict[SpikingNeuron | None, nn.Module] = {}

    def without_bias(neuron: SpikingNeuron | None) -> nn.Module:
        """A twin of the layer: its weights for one spike, and neither bias nor hooks."""
        if neuron not in twins:
            twin = copy(layer)
            twin.__dict__ = {k: v for k, v in vars(layer).items() if k != 'forward'}
            twin._parameters = {**layer._parameters, 'bias': None}
            if plain is not None and neuron is not None:
                twin._parameters['weight'] = nn.Parameter(neuron.per_spike(layer.weight.detach()))
            twins[neuron] = twin
        return twins[neuron]

    @torch.no_grad()
    def forward(input: Tensor, *args: object, **kwargs: object) -> Tensor:
        emission = Emission.of(input)
        if emission is None or emission.spikes is None:  # real values, or counts as they are
            out = without_bias(None).forward(input, *args, **kwargs)
        else:
            twin = without_bias(emission.neuron)
            out = None
            for step in emission.spikes:
                charge = twin.forward(step.to(input.dtype), *args, **kwargs)
                out = charge if out is None else out.add_(charge)
            if plain is None:
                out = emission.neuron.per_spike(out)
        return out if bias is None else out.add_(bias, alpha=elapsed())

    return forward

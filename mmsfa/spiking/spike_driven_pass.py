"""Neurons that emit binary spikes, and layers that accumulate them step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights

from mmsfa.layers import SpikeDrivenSelfAttention, spike_driven_attention
from mmsfa.neurons import SpikingNeuron
from mmsfa.neurons.functional import spike_train, sum_spikes

from .emission import Emission
from .observer import instance_method, synapses_of

# Share of the D steps that has passed: what a bias has contributed until now.
Elapsed = Callable[[], float]


def emit_spikes(neuron: SpikingNeuron) -> Callable[[Tensor], Tensor]:
    """A forward that fires binary spikes; what is not a synapse reads their sum / norm."""
    fire = neuron.forward

    @torch.no_grad()
    def forward(x: Tensor) -> Tensor:
        counts = (fire(x) * neuron.norm).round_()
        spikes = spike_train(counts, neuron.D)
        output = sum_spikes(spikes) / neuron.norm
        Emission(neuron, output, spikes.bool())
        return output

    return forward


def stepwise_attention(module: SpikeDrivenSelfAttention) -> Callable[..., Tensor]:
    """An ``attend`` that multiplies only spikes of the same virtual step: an approximation."""
    neuron = module.q_conv.activate

    @torch.no_grad()
    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        steps = zip(
            *(spike_train((x * neuron.norm).round(), neuron.D) for x in (q, k, v)), strict=True
        )
        scale = module.scale / neuron.norm**3
        return sum(spike_driven_attention(*step, scale, module.order) for step in steps)

    return attend


@contextmanager
def replace_synapses(model: nn.Module, elapsed: Elapsed = lambda: 1.0) -> Iterator[None]:
    """Let every convolution and linear layer accumulate binary spikes, with BN folded.

    A layer that gets real values convolves them as they are, with the same folded weights.

    Args:
        model: A model in evaluation mode.
        elapsed: Share of the bias that has arrived.
    """
    norms = dict(_norms_behind(model))
    with ExitStack() as stack:
        for layer in synapses_of(model).values():
            norm = norms.get(layer)
            method = _accumulate(layer, norm, elapsed)
            stack.enter_context(instance_method(layer, 'forward', method))
            if norm is not None:
                stack.enter_context(instance_method(norm, 'forward', lambda x: x))
        yield


def _norms_behind(model: nn.Module) -> Iterator[tuple[nn.Module, _BatchNorm]]:
    """(convolution, BN) of each of mmcv's bricks whose BN follows the convolution directly."""
    for brick in model.modules():
        if not (isinstance(brick, ConvModule) and brick.with_norm):
            continue
        follows = brick.order.index('norm') == brick.order.index('conv') + 1
        groups_fold = not (brick.conv.transposed and brick.conv.groups > 1)
        statistics = isinstance(brick.norm, _BatchNorm) and brick.norm.running_mean is not None
        if follows and groups_fold and statistics:
            yield brick.conv, brick.norm


def _accumulate(layer: nn.Module, norm: _BatchNorm | None, elapsed: Elapsed) -> Callable:
    weight, bias = layer.weight, layer.bias
    if norm is not None:
        weight, bias = fuse_conv_bn_weights(
            weight,
            bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
            transpose=layer.transposed,
        )
    if bias is not None:  # (C,) -> (C, 1, 1) for maps
        space = layer.weight.dim() - 2
        bias = bias.detach().reshape(-1, *[1] * space)
    by_norm: dict[float, nn.Module] = {}

    def without_bias(divisor: float) -> nn.Module:
        """A twin of the layer: its weights over the divisor, and neither bias, norm nor neuron."""
        if divisor not in by_norm:
            twin = copy(layer)
            twin.__dict__ = {k: v for k, v in vars(layer).items() if k != 'forward'}
            twin._parameters = dict(weight=nn.Parameter(weight.detach() / divisor), bias=None)
            by_norm[divisor] = twin
        return by_norm[divisor]

    @torch.no_grad()
    def forward(x: Tensor, *args: object) -> Tensor:
        emission = Emission.of(x)
        if emission is None or emission.spikes is None:  # real values, or counts as they are
            out = without_bias(1).forward(x, *args)
        else:
            twin = without_bias(emission.neuron.norm)
            out = None
            for step in emission.spikes:
                charge = twin.forward(step.to(x.dtype), *args)
                out = charge if out is None else out.add_(charge)
        return out if bias is None else out.add_(bias, alpha=elapsed())

    return forward

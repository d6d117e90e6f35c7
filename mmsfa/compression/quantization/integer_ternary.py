"""A trained network of ternary neurons whose convolutions and membranes are whole numbers."""

from __future__ import annotations

from copy import deepcopy
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from mmsfa.layers import SpikeConv
from mmsfa.layers.fold import check_evaluation_mode
from mmsfa.neurons import TernaryLIF, UniformState
from mmsfa.neurons.functional import integer_ternary_over_time

from .layers import QuantConv1d
from .quantizer import QuantizationError

Model = TypeVar('Model', bound=nn.Module)

# A channel whose BN lets nothing of its input through still needs a unit.
_FINEST = 2**-12


class IntegerTernaryConv1d(nn.Module):
    r"""Convolution, BN and ternary neuron in whole numbers, for inference.

    Each channel counts in its own unit, what one step of its weights is worth behind BN. Weights
    are whole already; bias and threshold are rounded to that unit, and the step of the membranes to
    a power of two of it, so that scores differ a little from those of the trained network. Integer
    and floating types give the same spikes.

    Args:
        brick: A convolution with quantised weights, its BN and a `TernaryLIF` with a leak of 1/2
            and quantised membranes, in evaluation mode.
        dtype: Of the numbers, ``torch.int32`` or a floating type.

    Attributes:
        weight: Whole numbers, (C_out, C_in, k).
        bias: Whole numbers, (C_out, 1).
        threshold: Whole numbers >= 1, (C_out, 1).
        shift: How many times the unit doubles for a stored membrane, int32, (C_out, 1).

    Shape:
        - Input and output: (T*B, C, L), -1, 0 and +1, of any type.

    Raises:
        QuantizationError: The brick is another one.
    """

    weight: Tensor
    bias: Tensor
    threshold: Tensor
    shift: Tensor

    def __init__(self, brick: SpikeConv, dtype: torch.dtype = torch.int32) -> None:
        super().__init__()
        conv, norm, neuron, state = _parts(brick)
        quantized = conv.quantized()
        mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
        deviation = (variance + norm.eps).sqrt()
        gain, shift = (
            norm.weight / deviation,
            norm.bias - mean * norm.weight / deviation,
        )
        unit = gain[:, None] * quantized.scale
        signs = torch.where(unit < 0, -1.0, 1.0)
        unit = unit.abs().clamp(min=neuron.threshold * _FINEST)
        passes = unit > neuron.threshold * _FINEST  # else the channel is constant
        integers = quantized.integers * signs * passes
        step = state.running_limit / state.highest
        self.T, self.bits = neuron.T, state.bits
        self.stride, self.padding = conv.stride[0], int(conv.padding[0])
        whole = dict(
            weight=integers.view_as(conv.weight),
            bias=(shift[:, None] / unit).round(),
            threshold=(neuron.threshold / unit).round().clamp(min=1),
        )
        for name, value in whole.items():
            self.register_buffer(name, value.detach().to(dtype))
        doublings = (step / unit).log2().round().clamp(1, 20)
        self.register_buffer('shift', doublings.detach().to(torch.int32))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and fire."""
        inside = F.pad(x.to(self.weight.dtype), (self.padding, self.padding))
        windows = inside.unfold(2, self.weight.shape[2], self.stride)  # (T*B, C, L', k)
        rows = windows.permute(0, 2, 1, 3).flatten(2) @ self.weight.flatten(1).t()
        drive = rows.transpose(1, 2) + self.bias
        steps = drive.unflatten(0, (self.T, -1))
        spikes = integer_ternary_over_time(steps, self.threshold, self.shift, self.bits)[0]
        return spikes.flatten(0, 1).to(x.dtype)


def _parts(brick: SpikeConv) -> tuple[QuantConv1d, _BatchNorm, TernaryLIF, UniformState]:
    conv, norm = brick.conv, brick.norm if brick.with_norm else None
    neuron = brick.activate if brick.with_activation else None
    fits = (
        isinstance(conv, QuantConv1d)
        and conv.bias is None
        and conv.groups == 1
        and conv.dilation == (1,)
        and isinstance(norm, _BatchNorm)
        and norm.affine
        and isinstance(neuron, TernaryLIF)
        and neuron.leak == 0.5
        and brick.order == ('conv', 'norm', 'act')
    )
    if not fits:
        raise QuantizationError(
            'Whole numbers need a QuantConv1d without bias, its BN and a TernaryLIF with leak=0.5, '
            f'got {type(conv).__name__}, {type(norm).__name__} and {type(neuron).__name__}: set '
            'quantization of the config.'
        )
    state = cast(TernaryLIF, neuron).state_quant
    if state is None or state.squash is not None or state.scale != 'stored':
        raise QuantizationError(
            "Whole numbers need membranes with state_quant=dict(type='UniformState', bits=4) and "
            f'T > 1, got {state}.'
        )
    return cast(QuantConv1d, conv), cast(_BatchNorm, norm), cast(TernaryLIF, neuron), state


def integer_ternary(model: Model, dtype: torch.dtype = torch.int32) -> Model:
    """A copy of a trained model whose ternary bricks compute with whole numbers.

    The read-out stays as it is: it adds up whole numbers of weights for the spikes that arrive.

    Args:
        model: In evaluation mode, as `QTSNN` or a classifier around one.
        dtype: ``torch.int32``, or a floating type, which gives the same spikes.

    Raises:
        QuantizationError: A brick is no quantised ternary one, or there is none.
        ValueError: The model is in training mode.
    """
    check_evaluation_mode(model, 'integer_ternary')
    copy = deepcopy(model)
    bricks = {n: part for n, part in copy.named_modules() if isinstance(part, SpikeConv)}
    if not bricks:
        raise QuantizationError(
            f'{type(model).__name__} has no convolutions with neurons behind them (SpikeConv) that '
            'could compute with whole numbers.'
        )
    for name, brick in bricks.items():
        owner, _, key = name.rpartition('.')
        copy.get_submodule(owner)._modules[key] = IntegerTernaryConv1d(brick, dtype)
    return copy.eval()

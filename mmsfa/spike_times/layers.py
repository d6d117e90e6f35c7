"""Layers from spike times to spike times.

They are no `nn.Linear` and no `nn.Conv2d`, so that nothing that counts, folds, quantises or
exports ordinary products takes times for activations.
"""

from __future__ import annotations

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .codes import SpikeTimeError, earliest
from .rules import SpikeTimeRule


class SpikeTimeLayer(nn.Module):
    """What dense layers and convolutions of spike times share.

    Args:
        shape: Shape of the weight, (neurons, inputs) or (neurons, channels, k, k).
        rule: Config of the rule, see `mmsfa.spike_times.rules`.
        readout: Return potentials at the end instead of spikes.
        stride: Of a convolution.
        padding: Of a convolution, with silent inputs.

    Attributes:
        weight: Normal at the start, with a mean that depends on the rule and a variance of
            1 / inputs. Those of a read-out, whose inputs are all positive, begin near 0.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        rule: dict | None = None,
        readout: bool = False,
        stride: int = 1,
        padding: int = 0,
    ) -> None:
        super().__init__()
        self.rule: SpikeTimeRule = MODELS.build(rule or dict(type='mmpretrain.ReLPSP'))
        self.readout, self.stride, self.padding = readout, stride, padding
        self.weight = nn.Parameter(torch.empty(shape))
        self.init_weights()

    def init_weights(self) -> None:
        """Draw the weights."""
        inputs = self.weight[0].numel()
        if self.readout:
            nn.init.normal_(self.weight, 0, 0.1 * inputs**-0.5)
        else:
            nn.init.normal_(self.weight, self.rule.weight_sum / inputs, inputs**-0.5)

    def forward(self, t: Tensor) -> Tensor:
        """Spike times of the inputs -> spike times, or potentials of a read-out."""
        calculate = self.rule.potential if self.readout else self.rule
        return calculate(t, self.weight, self.stride, self.padding)

    def extra_repr(self) -> str:
        """Settings that ``print(model)`` shows."""
        return (
            f'{tuple(self.weight.shape)}, stride={self.stride}, padding={self.padding}, '
            f'rule={self.rule}, readout={self.readout}'
        )


class SpikeTimeLinear(SpikeTimeLayer):
    """A dense layer of spike times.

    Args:
        in_features: Number of inputs.
        out_features: Number of neurons.
        rule: Config of the rule.
        readout: Return potentials at the end instead of spikes.

    Shape:
        - Input: (B, in_features), times; inf where silent.
        - Output: (B, out_features).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        rule: dict | None = None,
        readout: bool = False,
    ) -> None:
        super().__init__((out_features, in_features), rule, readout)


class SpikeTimeConv2d(SpikeTimeLayer):
    """A convolution of spike times; beyond the border nothing fires.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Size of the kernel, which is square.
        stride: Stride.
        padding: At each border.
        rule: Config of the rule.
        readout: Return potentials at the end instead of spikes.

    Shape:
        - Input: (B, in_channels, H, W), times; inf where silent.
        - Output: (B, out_channels, H', W').
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        rule: dict | None = None,
        readout: bool = False,
    ) -> None:
        shape = out_channels, in_channels, kernel_size, kernel_size
        super().__init__(shape, rule, readout, stride, padding)


class EarliestPool2d(nn.Module):
    """The first spike of each window passes.

    Args:
        kernel_size: Size of the windows, and their stride.

    Shape:
        - Input: (B, C, H, W), times; inf where silent.
        - Output: (B, C, H', W').
    """

    def __init__(self, kernel_size: int = 2) -> None:
        super().__init__()
        self.kernel_size = kernel_size

    def forward(self, t: Tensor) -> Tensor:
        """Pool."""
        return earliest(t, self.kernel_size)


def refuse_spike_times(model: nn.Module, doing: str) -> None:
    """Refuse a model of spike times where times would be taken for activations.

    Args:
        model: Any model.
        doing: What cannot be done with it, as "be exported to ONNX".

    Raises:
        SpikeTimeError: The model has layers of spike times.
    """
    layers = [name for name, one in model.named_modules() if isinstance(one, SpikeTimeLayer)]
    if layers:
        raise SpikeTimeError(
            f'{type(model).__name__} cannot {doing}: {", ".join(layers)} give spike times, inf '
            'for silent neurons, and no activations. mmsfa.spike_times.run_events runs them spike '
            'by spike and counts their work.'
        )

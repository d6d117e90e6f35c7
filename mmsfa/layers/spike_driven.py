"""Turns any neck or head of the OpenMMLab libraries spike-driven."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmcv.cnn import build_activation_layer
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from mmsfa.neurons.weight_settings import keep_settings

from .effective_weight import has_product
from .readout import readout_layers


def _fire_first(layer: Any, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Forward pre-hook of a spike-driven layer."""
    return (layer.neuron(args[0]), *args[1:])


def make_spike_driven(
    module: nn.Module, neuron_cfg: dict, analog: Sequence[str] | None = None
) -> None:
    """Put a neuron in front of the convolution and linear layers of a module, in place.

    The read-out layers, behind which scores, deltas, masks or labels leave the head, read membrane
    potentials: a neuron in front of the scores costs most of the accuracy.

    The layers and their parameter names stay as they are, so that ordinary checkpoints load and
    the module's own initialisation works; each layer gets a child ``neuron``. Every ReLU module
    outside of ``analog`` is taken out: the next neuron clamps at 0 itself, and shortcuts carry
    real membrane potentials.

    Args:
        module: A neck or head.
        neuron_cfg: Config of the neurons, for instance ``dict(type='mmpretrain.SFA', D=4)``.
        analog: Names (or first parts of names) of layers that keep real-valued inputs; None takes
            the read-out layers, see :func:`readout_layers`, and ``()`` leaves none.

    Raises:
        ValueError: A name in ``analog`` fits no layer, or a layer that multiplies its input by
            weights is neither a convolution nor linear (deformable convolution, attention).
    """
    layers = {name: layer for name, layer in module.named_modules() if has_product(layer)}
    if analog is None:
        analog = readout_layers(module)
    unknown = [name for name in analog if not any(_is_below(layer, name) for layer in layers)]
    if unknown:
        raise ValueError(
            f'analog must name convolution or linear layers of {type(module).__name__}, '
            f'got {unknown}; it has {sorted(layers)}.'
        )

    def is_analog(name: str) -> bool:
        return any(_is_below(name, prefix) for prefix in analog)

    for parent_name, parent in list(module.named_modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.ReLU) and not is_analog(parent_name):
                setattr(parent, name, nn.Identity().train(child.training))
    for name, layer in layers.items():
        if is_analog(name):
            continue
        if not isinstance(layer, (_ConvNd, nn.Linear)):
            weights = ', '.join(
                f'{name}.{own}'.lstrip('.')
                for own, weight in layer.named_parameters(recurse=False)
                if weight.dim() > 1
            )
            kind = type(module).__name__
            what = (
                f'{name} of {kind} is a {type(layer).__name__}' if name else f'It is {kind} itself'
            )
            raise ValueError(
                f'{what}, which cannot be made spike-driven ({weights}): only convolutions and '
                f'linear layers can. Name it in analog ({name!r}), and it keeps real-valued inputs.'
            )
        layer.neuron = build_activation_layer(neuron_cfg).train(layer.training)
        layer.register_forward_pre_hook(_fire_first)
    keep_settings(module, _analog_layers)


def _analog_layers(module: nn.Module) -> dict[str, list[str]]:
    """Names of the layers without a neuron, for those who load the weights."""
    layers = (n for n, m in module.named_modules() if isinstance(m, (_ConvNd, nn.Linear)))
    return {'analog': sorted(n for n in layers if not hasattr(module.get_submodule(n), 'neuron'))}


def _is_below(name: str, prefix: str) -> bool:
    """Whether a dotted name is the prefix or lies below it."""
    return f'{name}.'.startswith(f'{prefix}.')


class SpikeDriven(nn.Module):
    """Mixin that makes a neck or head spike-driven: ``class SpikeFPN(SpikeDriven, FPN)``.

    The neck or head may be a ``BaseModule`` of mmengine or a plain module. The class keeps every
    argument of it and gains two.

    Args:
        *args: Arguments of the neck or head.
        neuron_cfg: Config of the neurons; ``dict(type='mmpretrain.SFA')`` by default.
        analog: Names of layers that keep real-valued inputs, see :func:`make_spike_driven`; None
            takes ``default_analog``.
        **kwargs: Arguments of the neck or head.

    Attributes:
        default_analog: Set by classes whose read-outs keep their neurons by default; None makes
            the read-outs analog.
    """

    default_analog: Sequence[str] | None = None

    def __init__(
        self,
        *args: Any,
        neuron_cfg: dict | None = None,
        analog: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        analog = self.default_analog if analog is None else analog
        make_spike_driven(self, neuron_cfg or dict(type='mmpretrain.SFA'), analog)

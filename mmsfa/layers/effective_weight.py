"""The weight that a layer really multiplies with, and how many bits an element of it has."""

from __future__ import annotations

from mmcv.cnn.bricks import wrappers
from torch import Tensor, nn
from torch.nn.utils import parametrize

# mmcv's own convolutions differ from torch's in empty batches only. Others may transform their
# weights on the way (standardise, quantise), so that scaling them first would change the result.
_PLAIN = {
    nn.Conv1d: nn.Conv1d,
    nn.Conv2d: nn.Conv2d,
    nn.ConvTranspose2d: nn.ConvTranspose2d,
    nn.Linear: nn.Linear,
    wrappers.Conv2d: nn.Conv2d,
    wrappers.ConvTranspose2d: nn.ConvTranspose2d,
    wrappers.Linear: nn.Linear,
}


def is_plain(layer: nn.Module) -> bool:
    """Whether a layer does nothing but multiply by its own parameter.

    Weight norm and spectral norm keep the type and compute the weight anew for each call.
    """
    return type(layer) in _PLAIN and 'weight' in layer._parameters


def effective_weight(layer: nn.Module) -> Tensor | None:
    """The weight of the product that a layer computes in evaluation mode, shape as its ``weight``.

    A layer that transforms its parameter (quantises, standardises, masks) tells by a method of this
    name; it must compute the ordinary product with that weight and its ``bias``.

    Args:
        layer: Convolution or linear layer.

    Returns:
        The weight; None where the layer does not tell.
    """
    if is_plain(layer):
        return layer.weight
    if parametrize.is_parametrized(layer, 'weight') and type(layer).__mro__[1] in _PLAIN:
        return layer.weight
    tell = getattr(layer, 'effective_weight', None)
    return None if tell is None else tell()


def weight_bits(layer: nn.Module) -> float:
    """Bits of one element of the weight: what a layer tells as ``weight_bits``, else its dtype's.

    Args:
        layer: Convolution or linear layer.
    """
    return float(getattr(layer, 'weight_bits', 8 * layer.weight.element_size()))


def as_plain(layer: nn.Module) -> nn.Module | None:
    """A copy of a layer that has its effective weight as a parameter and transforms nothing.

    Args:
        layer: Convolution or linear layer; it stays as it is.

    Returns:
        An ordinary layer of torch with the same geometry, bias, hooks and ``weight_bits``; None
        where the layer does not tell its weight.
    """
    weight = effective_weight(layer)
    kind = next((plain for known, plain in _PLAIN.items() if isinstance(layer, known)), None)
    if weight is None or kind is None:
        return None
    kind = type(layer) if is_plain(layer) else kind
    plain = kind.__new__(kind)
    plain.__dict__.update(vars(layer))  # not deep: hooks lead to whoever watches the layer
    if hasattr(layer, 'weight_bits'):
        plain.weight_bits = weight_bits(layer)
    if not isinstance(weight, nn.Parameter):
        weight = nn.Parameter(weight.detach(), requires_grad=False)
    plain._parameters = {'weight': weight, 'bias': layer.bias}
    plain._modules = {k: m for k, m in layer._modules.items() if k != 'parametrizations'}
    return plain

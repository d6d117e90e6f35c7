"""The weight that a layer really multiplies with, and how many bits an element of it has."""

from __future__ import annotations

from typing import TypeGuard, cast

from mmcv.cnn.bricks import wrappers
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import parametrize

Multiplies = _ConvNd | nn.Linear

# mmcv's own convolutions differ from torch's in empty batches only. Others may transform their
# weights on the way (standardise, quantise), so that scaling them first would change the result.
_PLAIN: dict[type[nn.Module], type[Multiplies]] = {
    nn.Conv1d: nn.Conv1d,
    nn.Conv2d: nn.Conv2d,
    nn.ConvTranspose2d: nn.ConvTranspose2d,
    nn.Linear: nn.Linear,
    wrappers.Conv2d: nn.Conv2d,
    wrappers.ConvTranspose2d: nn.ConvTranspose2d,
    wrappers.Linear: nn.Linear,
}

# Their parameters are looked up, or scale what they have normalised: no sum over the input. Those
# of other norms have one axis.
_NO_PRODUCT = (nn.Embedding, nn.LayerNorm, nn.RMSNorm)


def has_product(module: nn.Module) -> bool:
    """Whether a module by itself multiplies its input by a matrix or kernel, as far as it shows.

    Convolutions and linear layers do, and any other layer with a parameter of two axes or more:
    deformable convolution, attention. Norms and embeddings do not. Of a module with layers of its
    own, such as a head, only a parameter whose name ends in ``weight`` counts: others are queries,
    tokens and positions. A module that has only factors says so by ``multiplies_weights = False``.
    """
    if getattr(module, 'multiplies_weights', True) is False:
        return False
    if isinstance(module, Multiplies):
        return True
    if isinstance(module, _NO_PRODUCT):
        return False
    is_layer = not any(True for _ in module.children())
    return any(
        parameter.dim() > 1 and (is_layer or name.endswith('weight'))
        for name, parameter in module.named_parameters(recurse=False)
    )


def is_plain(layer: nn.Module) -> TypeGuard[Multiplies]:
    """Whether a layer does nothing but multiply by its own parameter.

    Weight norm and spectral norm keep the type and compute the weight anew for each call; whoever
    wraps a single layer may put another forward on it. That of a spike-driven pass has ``adds_up``.
    """
    own = vars(layer).get('forward')
    is_untouched = own is None or getattr(own, 'adds_up', False)
    return type(layer) in _PLAIN and 'weight' in layer._parameters and is_untouched


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
    # A parametrised layer has a class of its own, below the one that it was.
    if parametrize.is_parametrized(layer, 'weight') and type(layer).__mro__[1] in _PLAIN:
        return cast(Tensor, layer.weight)
    tell = getattr(layer, 'effective_weight', None)
    return None if tell is None else tell()


def weight_bits(layer: nn.Module) -> float:
    """Bits of one element of the weight: what a layer tells as ``weight_bits``, else its dtype's.

    Args:
        layer: Convolution or linear layer.
    """
    return float(getattr(layer, 'weight_bits', 8 * cast(Tensor, layer.weight).element_size()))


def as_plain(layer: nn.Module) -> Multiplies | None:
    """A copy of a layer that has its effective weight as a parameter and transforms nothing.

    Args:
        layer: Convolution or linear layer; it stays as it is.

    Returns:
        An ordinary layer of torch with the same geometry, bias, hooks and ``weight_bits``; None
        where the layer does not tell its weight.
    """
    weight = effective_weight(layer)
    kind = next((plain for known, plain in _PLAIN.items() if isinstance(layer, known)), None)
    if weight is None or kind is None or not isinstance(layer, Multiplies):
        return None
    plain = object.__new__(type(layer) if is_plain(layer) else kind)
    plain.__dict__.update(vars(layer))  # not deep: hooks lead to whoever watches the layer
    if hasattr(layer, 'weight_bits'):
        vars(plain).update(weight_bits=weight_bits(layer))
    bias = None if layer.bias is None else _parameter(layer.bias)
    plain._parameters = {'weight': _parameter(weight), 'bias': bias}
    plain._modules = {k: m for k, m in layer._modules.items() if k != 'parametrizations'}
    return plain


def _parameter(values: Tensor) -> nn.Parameter:
    if isinstance(values, nn.Parameter):
        return values
    return nn.Parameter(values.detach(), requires_grad=False)

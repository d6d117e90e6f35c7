"""Whether a layer gives the same for spikes one by one as for their sum."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmsfa.layers import RepConv
from mmsfa.layers.effective_weight import effective_weight

ROUNDING = 1e3  # machine epsilons of the largest value: sums of thousands of products


@torch.no_grad()
def adds_up(layer: nn.Module, input: Tensor, *args: object, **kwargs: object) -> bool:
    r"""Whether a layer is linear in its input, but for a bias: only then can it take single spikes.

    A layer that tells its `effective_weight` is. Any other may normalise its input, as mmdet's
    ``NormedLinear`` does, or put a non-linearity behind the product: it is asked,

    .. math:: f(x) = f(x_1) + f(x - x_1) - f(0),

    with every other element of the input as :math:`x_1`.

    Args:
        layer: Convolution or linear layer, or a RepConv.
        input: What it gets.
        *args: Further arguments of its forward.
        **kwargs: The same by name.
    """
    if isinstance(layer, RepConv) or effective_weight(layer) is not None:
        return True
    odd = torch.arange(input.numel(), device=input.device).view(input.shape) % 2
    masks = torch.ones_like(odd), odd, 1 - odd, torch.zeros_like(odd)
    whole, part, rest, nothing = (layer.forward(input * one, *args, **kwargs) for one in masks)
    gap = whole - (part + rest - nothing)
    if not gap.numel():
        return True
    largest = max(one.abs().max() for one in (whole, part, rest, nothing))
    return bool(gap.abs().max() <= ROUNDING * torch.finfo(gap.dtype).eps * largest)

"""Whether a layer gives the same for spikes one by one as for their sum."""

from __future__ import annotations

from collections.abc import Sequence

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

    with every other element of the input as :math:`x_1`, and with every third.

    Args:
        layer: Convolution or linear layer, or a RepConv.
        input: What it gets.
        *args: Further arguments of its forward.
        **kwargs: The same by name.
    """
    if isinstance(layer, RepConv) or effective_weight(layer) is not None:
        return True

    def part(mask: Tensor) -> Tensor:
        return layer.forward(input * mask, *args, **kwargs)

    place = torch.arange(input.numel(), device=input.device).view(input.shape)
    whole, nothing = part(place >= 0), part(place < 0)
    return all(
        same_but_for_rounding(whole, [part(place % n == 0), part(place % n > 0), -nothing])
        for n in (2, 3)
    )


def same_but_for_rounding(whole: Tensor, parts: Sequence[Tensor]) -> bool:
    """Whether numbers are a sum, as far as the precision allows to tell.

    Args:
        whole: Any shape.
        parts: What it may be the sum of.
    """
    if not whole.numel():
        return True
    gap = (whole - sum(parts)).abs().max()
    largest = max(one.abs().max() for one in (whole, *parts))
    return bool(gap <= ROUNDING * torch.finfo(whole.dtype).eps * largest)

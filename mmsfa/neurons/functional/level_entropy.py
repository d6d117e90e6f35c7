"""How evenly a neuron uses its levels, with a gradient that moves it."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor


def level_entropy(levels: Tensor, number: int) -> Tensor:
    r"""The entropy of the histogram of levels, from 0 (one of them) to 1 (all alike).

    .. math:: H = -\frac{1}{\log K} \sum_{k=0}^{K-1} p_k \log p_k

    A histogram of whole numbers has no gradient. Here an element at level k is moved towards the
    rarer of its two neighbours: it gets

    .. math:: \frac{\partial H}{\partial n} = \frac{1}{N \log K}
        \cdot \tfrac{1}{2} (\log p_{k-1} - \log p_{k+1})

    which is what one level up and one level down would change, halved; at both ends the only
    neighbour is compared with the level itself. For K = 2 this is the derivative of the entropy by
    the firing rate. An empty level counts as one of N elements. This gradient is ours.

    Args:
        levels: Whole numbers 0..K - 1, any shape, floating point, with their own gradient.
        number: K, at least 2.

    Returns:
        A scalar, at least float32.
    """
    index = levels.detach().nan_to_num(0.0).round().long().flatten()  # NaN stays in the sum below
    counted = torch.bincount(index, minlength=number)
    wide = torch.promote_types(levels.dtype, torch.float32)
    shares = counted.to(wide) / len(index)
    entropy = -torch.special.xlogy(shares, shares).sum() / log(number)
    logs = shares.clamp(min=1 / len(index)).log()
    at = torch.arange(number, device=levels.device)
    below, above = (at - 1).clamp(min=0), (at + 1).clamp(max=number - 1)
    slope = (logs[below] - logs[above]) / (above - below) / (len(index) * log(number))
    # 0 with the gradient that was chosen
    moved = ((levels - levels.detach()).flatten().to(wide) * slope[index]).sum()
    return entropy + moved

"""Signs, powers of two and standardised filters: what binary weights are made of."""

from __future__ import annotations

import torch
from torch import Tensor


def sign(x: Tensor) -> Tensor:
    """+1 from 0 upwards, -1 below: there is no third value, unlike with ``torch.sign``."""
    return torch.where(x < 0, -1.0, 1.0).to(x.dtype)


def power_of_two(x: Tensor) -> Tensor:
    """The power of two that is nearest by its exponent; 0 becomes 1."""
    return torch.where(x > 0, x, torch.ones_like(x)).log2().round().exp2()


def standardize(rows: Tensor) -> Tensor:
    """Each row less its mean, over its standard deviation (that of n - 1), with its gradient.

    A row whose elements are all the same becomes zeros, and gets no gradient.

    Args:
        rows: (F, n), one filter a row.
    """
    constant = rows.detach().amax(1, keepdim=True) == rows.detach().amin(1, keepdim=True)
    centred = (rows - rows.mean(1, keepdim=True)).masked_fill(constant, 0)
    variance = centred.square().sum(1, keepdim=True) / max(rows.shape[1] - 1, 1)
    return centred / variance.masked_fill(constant, 1).sqrt()

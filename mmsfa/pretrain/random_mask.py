"""Which tokens are hidden."""

from __future__ import annotations

import torch
from torch import Tensor


def random_mask(
    batch: int,
    num_tokens: int,
    ratio: float,
    device: torch.device | str | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Hide the same number of tokens in each image, each choice being equally likely.

    Args:
        batch: Number of images B.
        num_tokens: Tokens N of an image.
        ratio: Share of hidden tokens, between 0 and 1; ``round(ratio * N)`` are hidden.
        device: Where the mask is made.
        generator: Source of randomness on that device; None is PyTorch's own.

    Returns:
        Shape (B, N), bool, True where a token is hidden.

    Raises:
        ValueError: No token, or every token, would be hidden.
    """
    num_hidden = round(ratio * num_tokens)
    if not 0 < num_hidden < num_tokens:
        raise ValueError(
            'mask_ratio must hide at least one token of an image and leave one, got '
            f'{ratio!r}, which hides {num_hidden} of {num_tokens}.'
        )
    order = torch.rand(batch, num_tokens, device=device, generator=generator).argsort(1)
    return order < num_hidden

"""Elementwise work on a CPU in pieces that stay in its cache from one pass to the next."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

# Elements of a piece for each thread: 1 MB of floats. Half of it costs more calls than it saves.
PIECE = 1 << 18


def pieces(*tensors: Tensor) -> Iterable[tuple[Tensor, ...]]:
    """Go through large tensors piece by piece, all at the same place.

    A pass over a map of a detector goes to memory and back, and several passes do so several
    times. Over a piece of it, only the first one reads memory and only the last one writes it.

    Args:
        tensors: Tensors of one shape, any dtypes.

    Returns:
        One view of each tensor. Small tensors, those on other devices, those that do not lie in
        memory in the same order without holes, and all within a compiler come whole.
    """
    if torch.compiler.is_compiling():  # it puts passes together by itself
        return (tensors,)
    first = tensors[0]
    size = PIECE * torch.get_num_threads()
    if (
        not first.is_cpu
        or first.numel() <= size
        or not all(is_dense(one) and one.stride() == first.stride() for one in tensors)
    ):
        return (tensors,)
    flat = [one.as_strided((one.numel(),), (1,)).split(size) for one in tensors]
    return zip(*flat, strict=True)


def is_dense(x: Tensor) -> bool:
    """Whether a tensor lies in memory without holes: contiguous or channels-last."""
    return x.is_contiguous() or (
        x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
    )


def divide_(x: Tensor, norm: float) -> Tensor:
    """Divide in place by the divisor of counts; by a power of two as a product, which is exact."""
    if norm == 1:
        return x
    return x.mul_(1 / norm) if math.log2(norm).is_integer() else x.div_(norm)

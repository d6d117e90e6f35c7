"""Adaptive average pooling that an exported graph can compute at any size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsfa.spiking.measure.observer import instance_attribute


def free_poolings(model: nn.Module) -> None:
    """Replace the adaptive average poolings of a model, in place, by products with matrices.

    The exporter writes down the windows of the traced size, so that the graph would pool wrongly
    at any other one. Global pooling is left alone: it has no windows.
    """
    for parent in model.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.AdaptiveAvgPool2d) and child.output_size not in (1, (1, 1)):
                parent.add_module(name, MatrixPool(child.output_size))


@contextmanager
def functional_poolings_free() -> Iterator[None]:
    """Let ``F.adaptive_avg_pool2d`` compute with matrices too while the context is open."""
    pool = F.adaptive_avg_pool2d

    def free(x: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
        if output_size in (1, (1, 1), [1, 1]):
            return pool(x, 1)
        return MatrixPool(output_size)(x)

    with instance_attribute(F, 'adaptive_avg_pool2d', free):
        yield


class MatrixPool(nn.Module):
    """``nn.AdaptiveAvgPool2d`` as a product with two matrices that are built from the size.

    Args:
        output_size: Rows and columns of the output, or one number for both.

    Shape:
        - Input: (B, C, H, W).
        - Output: (B, C, *output_size).
    """

    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        super().__init__()
        pair = output_size if isinstance(output_size, Sequence) else (output_size, output_size)
        self.rows, self.columns = pair

    def forward(self, x: Tensor) -> Tensor:
        """Average over windows: (B, C, H, W) -> (B, C, rows, columns)."""
        H, W = x.shape[-2:]
        if self.rows is not None:
            x = pooling_matrix(self.rows, H, x) @ x
        if self.columns is not None:
            x = x @ pooling_matrix(self.columns, W, x).transpose(0, 1)
        return x


def pooling_matrix(windows: int, size: int, like: Tensor) -> Tensor:
    """The averages that adaptive pooling takes along one axis.

    Window i reaches from floor(i * size / windows) to ceil((i + 1) * size / windows).

    Args:
        windows: Size of the output.
        size: Size of the input; a symbol while exporting.
        like: Gives device and dtype.

    Returns:
        Shape (windows, size); each row sums to 1.
    """
    window = torch.arange(windows, device=like.device).unsqueeze(1)
    place = torch.arange(size, device=like.device)
    start = window * size // windows
    end = ((window + 1) * size + windows - 1) // windows
    inside = (place >= start) & (place < end)
    return inside.to(like.dtype) / (end - start).to(like.dtype)

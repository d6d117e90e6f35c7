"""Multi-scale deformable attention in the form of mmcv's extension: mmcv's own plain form."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from .plain_gradient import gradients_of


def ms_deform_attn_forward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    im2col_step: int,
) -> Tensor:
    """Sum of values at sampled places of several maps (Zhu et al., arXiv 2010.04159).

    Args:
        value: Values of all maps, (B, keys, heads, channels).
        value_spatial_shapes: Height and width of each map, (levels, 2).
        value_level_start_index: Not needed: the shapes tell it.
        sampling_locations: Places x, y in 0..1, (B, queries, heads, levels, points, 2).
        attention_weights: Shape (B, queries, heads, levels, points).
        im2col_step: Not needed here.

    Returns:
        Shape (B, queries, heads * channels).
    """
    return _plain(value_spatial_shapes)(value, sampling_locations, attention_weights)


def ms_deform_attn_backward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_sampling_loc: Tensor,
    grad_attn_weight: Tensor,
    im2col_step: int,
) -> None:
    """Add the gradients of values, places and weights."""
    inputs = [value, sampling_locations, attention_weights]
    totals = grad_value, grad_sampling_loc, grad_attn_weight
    found = gradients_of(_plain(value_spatial_shapes), inputs, grad_output)
    for total, grad in zip(totals, found, strict=True):
        total += grad


def _plain(shapes: Tensor) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    # mmcv.ops imports its extension, which this module is part of
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    sizes = [(int(h), int(w)) for h, w in shapes]
    return lambda value, places, weights: multi_scale_deformable_attn_pytorch(
        value, sizes, places, weights
    )

"""RoIPool in the form of mmcv's extension, in plain torch.

torchvision has an operator of that name, but it rounds the corners of a region and mmcv does not.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .torchvision_ops import in_float


def roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Take the maximum in each bin of each region.

    Source: Girshick, "Fast R-CNN", https://arxiv.org/abs/1504.08083.

    Args:
        input: Feature map, (B, C, H, W).
        rois: Regions in pixels of the picture, (N, 5): number in the batch, x1, y1, x2, y2.
        output: Is filled, (N, C, pooled_height, pooled_width); 0 where a bin is empty.
        argmax: Is filled with the places of the maxima in their maps, y * W + x; -1 where empty.
        pooled_height: Bins along the height.
        pooled_width: Bins along the width.
        spatial_scale: Size of the map / size of the picture.
    """
    height, width = input.shape[-2:]
    x, boxes = in_float(input, rois)
    first = boxes[:, 1:3] * spatial_scale
    size = (boxes[:, 3:5] + 1) * spatial_scale - first
    columns = _edges(first[:, 0], size[:, 0], pooled_width, width)
    rows = _edges(first[:, 1], size[:, 1], pooled_height, height)
    output.zero_()
    argmax.fill_(-1)
    for n, picture in enumerate(boxes[:, 0].long().tolist()):
        for i, (top, bottom) in enumerate(rows[n]):
            for j, (left, right) in enumerate(columns[n]):
                if top >= bottom or left >= right:
                    continue
                maxima, places = x[picture, :, top:bottom, left:right].flatten(1).max(1)
                across = right - left
                output[n, :, i, j] = maxima
                argmax[n, :, i, j] = ((top + places // across) * width + left + places % across).to(
                    argmax.dtype
                )


def roi_pool_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax: Tensor,
    grad_input: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Add the gradient of :func:`roi_pool_forward` to ``grad_input``, (B, C, H, W)."""
    taken = (argmax >= 0).flatten(2)
    places = argmax.flatten(2).long().clamp(min=0)
    grads = torch.where(taken, grad_output.flatten(2), 0)
    # (N, C, bins) -> (N, C, H*W) would be large, so each region goes into its picture.
    flat = grad_input.view(*grad_input.shape[:2], -1)
    for n, picture in enumerate(rois[:, 0].long().tolist()):
        flat[picture].scatter_add_(1, places[n], grads[n].to(flat.dtype))


def _edges(first: Tensor, size: Tensor, bins: int, length: int) -> list[list[tuple[int, int]]]:
    """First place and one behind the last of each bin along one axis; empty for no region."""
    steps = torch.arange(bins, device=first.device)
    each = size[:, None] / bins
    begin = (steps * each + first[:, None]).floor()
    end = ((steps + 1) * each + first[:, None]).ceil()
    end = torch.where(size[:, None] > 0, end, begin)
    edges = (edge.clamp(0, length).long().tolist() for edge in (begin, end))
    return [list(zip(*both, strict=True)) for both in zip(*edges, strict=True)]

"""RoIAlign in the form of mmcv's extension: torchvision's operator, or two matrix products."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .bilinear_bins import bin_weights
from .torchvision_ops import in_float, torchvision_has


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Average the bilinear samples in each bin of each region.

    Source: He et al., "Mask R-CNN", https://arxiv.org/abs/1703.06870.

    Args:
        input: Feature map, (B, C, H, W).
        rois: Regions in pixels of the picture, (N, 5): number in the batch, x1, y1, x2, y2.
        output: Is filled, (N, C, aligned_height, aligned_width).
        argmax_y: Not used by an average.
        argmax_x: Not used by an average.
        aligned_height: Bins along the height.
        aligned_width: Bins along the width.
        spatial_scale: Size of the map / size of the picture.
        sampling_ratio: Samples of a bin along each axis; 0 takes one for each place it covers.
        pool_mode: 1 averages the samples.
        aligned: Whether the middle of a pixel lies at a half instead of a whole number.

    Raises:
        NotImplementedError: ``pool_mode`` is 0, the maximum of the samples.
    """
    _refuse_maximum(pool_mode)
    bins = aligned_height, aligned_width
    x, boxes = in_float(input, rois)
    if torchvision_has('roi_align', input):
        averages = torch.ops.torchvision.roi_align(
            x, boxes, spatial_scale, *bins, max(sampling_ratio, 0), aligned
        )
        output.copy_(averages)
        return
    output.zero_()
    windows = _windows(boxes, x.shape, bins, spatial_scale, sampling_ratio, aligned)
    for n, picture, rows, columns, down, across in windows:
        # (h, y) @ (C, y, x) @ (x, w) -> (C, h, w)
        output[n] = down @ x[picture, :, rows, columns] @ across.T


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Add the gradient of :func:`roi_align_forward` to ``grad_input``, (B, C, H, W)."""
    _refuse_maximum(pool_mode)
    bins = aligned_height, aligned_width
    grad, boxes = in_float(grad_output, rois)
    if torchvision_has('roi_align', grad_output):
        grad_input += torch.ops.torchvision._roi_align_backward(
            grad, boxes, spatial_scale, *bins, *grad_input.shape, max(sampling_ratio, 0), aligned
        )
        return
    total = grad_input.to(grad.dtype)
    windows = _windows(boxes, total.shape, bins, spatial_scale, sampling_ratio, aligned)
    for n, picture, rows, columns, down, across in windows:
        total[picture, :, rows, columns] += down.T @ grad[n] @ across
    if total is not grad_input:
        grad_input.copy_(total)


def _refuse_maximum(pool_mode: int) -> None:
    if pool_mode != 1:
        raise NotImplementedError(
            "RoIAlign with pool_mode='max' is not there without the compiled operators of mmcv: "
            "use pool_mode='avg', the default, or compile them: make setup OPS=compiled"
        )


def _windows(
    boxes: Tensor,
    shape: torch.Size,
    bins: tuple[int, int],
    scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> Iterator[tuple[int, int, slice, slice, Tensor, Tensor]]:
    """What each region reads: its number, picture, rows, columns and weights along both axes."""
    corners = boxes[:, 1:] * scale - (0.5 if aligned else 0.0)
    x1, y1, x2, y2 = corners.unbind(1)
    down = bin_weights(y1, y2, bins[0], shape[-2], sampling_ratio, aligned)
    across = bin_weights(x1, x2, bins[1], shape[-1], sampling_ratio, aligned)
    for n, picture in enumerate(boxes[:, 0].long().tolist()):
        rows = slice(down.first[n], down.last[n])
        columns = slice(across.first[n], across.last[n])
        if rows.start < rows.stop and columns.start < columns.stop:
            yield (
                n,
                picture,
                rows,
                columns,
                down.weights[n, :, rows],
                across.weights[n, :, columns],
            )

"""Weights of the bilinear samples of a region along one axis: RoIAlign as two matrix products."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

MOST_SAMPLES = 10_000  # of a bin along one axis


class BinWeights(NamedTuple):
    """What the bins of each region read along one axis of the map.

    Attributes:
        weights: Mean bilinear weights, (N, bins, length).
        first: First place with a weight, for each region.
        last: One behind the last place; not behind ``first`` where the region reads nothing.
    """

    weights: Tensor
    first: list[int]
    last: list[int]


def bin_weights(
    start: Tensor, end: Tensor, bins: int, length: int, sampling_ratio: int, aligned: bool
) -> BinWeights:
    """Mean weights of a bin's samples; a region's average is ``A_y @ map @ A_x.T``.

    The bilinear weight of a sample is a product of one for its row and one for its column, and the
    samples of a bin form a grid, so the mean over them is separable, too.

    Args:
        start: First coordinate of each region, in places of the map, (N,).
        end: Last coordinate of each region, (N,).
        bins: Bins along this axis.
        length: Size of the map along this axis.
        sampling_ratio: Samples of a bin; 0 takes one for each place that it covers.
        aligned: Whether a region may be smaller than one place.
    """
    size = end - start
    if not aligned:
        size = size.clamp(min=1)
    bin_size = size / bins
    if sampling_ratio > 0:
        samples = torch.full_like(size, sampling_ratio)
    else:
        samples = bin_size.ceil()
    samples = torch.where(samples <= MOST_SAMPLES, samples, 0)  # no map is so large: a broken box
    most = int(samples.max().clamp(min=0)) if len(samples) else 0
    step = torch.arange(most, device=start.device)
    bin_start = start[:, None] + torch.arange(bins, device=start.device) * bin_size[:, None]
    divisor = samples.clamp(min=1)[:, None]
    # (N, bins, samples)
    place = bin_start[..., None] + ((step + 0.5) * bin_size[:, None] / divisor)[:, None]
    counts = (step < samples[:, None])[:, None] & (place >= -1) & (place <= length)
    place = torch.where(counts, place, 0).clamp(min=0)  # also what is infinite or NaN
    low = place.long().clamp(max=length - 1)
    high = (low + 1).clamp(max=length - 1)
    share = torch.where(low < length - 1, place - low, 0)  # of the higher neighbour
    each = counts / divisor[..., None]
    weights = start.new_zeros(len(start), bins, length)
    weights.scatter_add_(2, low, (1 - share) * each)
    weights.scatter_add_(2, high, share * each)
    if not low.numel():
        return BinWeights(weights, [0] * len(start), [0] * len(start))
    first = torch.where(counts, low, length).flatten(1).amin(1)
    last = torch.where(counts, high, -1).flatten(1).amax(1)
    return BinWeights(weights, first.tolist(), (last + 1).tolist())

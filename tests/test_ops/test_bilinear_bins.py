"""Weights of bins: means of bilinear samples along one axis."""

from __future__ import annotations

import pytest
import torch

from mmsfa.ops.bilinear_bins import MOST_SAMPLES, bin_weights


def regions(*edges: tuple[float, float]) -> tuple[torch.Tensor, torch.Tensor]:
    first, last = torch.tensor(edges, dtype=torch.float64).unbind(1)
    return first, last


def test_a_bin_by_hand() -> None:
    """Two bins of 1.5 places with one sample each, at 1.75 and 3.25 of five places."""
    found = bin_weights(*regions((1, 4)), 2, 5, sampling_ratio=1, aligned=True)
    assert found.weights.tolist() == [[[0, 0.25, 0.75, 0, 0], [0, 0, 0, 0.75, 0.25]]]
    assert (found.first, found.last) == ([1], [5])


@pytest.mark.parametrize('sampling_ratio', [0, 1, 3])
def test_weights_are_the_means_of_linear_interpolation(sampling_ratio: int) -> None:
    """Of a map that grows by one a place: the mean of the samples is the middle of the bin."""
    first, last = regions((0.5, 9.5), (2.25, 5.0), (3, 3))
    bins, places = 4, torch.arange(12, dtype=torch.float64)
    found = bin_weights(first, last, bins, 12, sampling_ratio, aligned=True)
    middles = first[:, None] + (torch.arange(bins) + 0.5) * (last - first)[:, None] / bins
    means, sums = found.weights @ places, found.weights.sum(2)
    sampled = slice(None) if sampling_ratio else slice(2)  # no place, no sample
    torch.testing.assert_close(means[sampled], middles[sampled], rtol=0, atol=1e-12)
    torch.testing.assert_close(sums[sampled], torch.ones_like(sums[sampled]))
    assert sampling_ratio or not found.weights[2].any()
    for rows, low, high in zip(found.weights, found.first, found.last, strict=True):
        assert not rows[:, :low].any() and not rows[:, max(high, 0) :].any()


def test_an_unaligned_region_is_one_place_wide_at_least() -> None:
    small, one = regions((3, 3.25)), regions((3, 4))
    wide = bin_weights(*one, 2, 8, 2, aligned=True).weights
    assert torch.equal(bin_weights(*small, 2, 8, 2, aligned=False).weights, wide)
    assert not torch.equal(bin_weights(*small, 2, 8, 2, aligned=True).weights, wide)


def test_samples_outside_of_the_map_weigh_nothing() -> None:
    found = bin_weights(*regions((-9, -3), (20, 30), (-3, 1)), 1, 6, 4, aligned=True)
    assert not found.weights[:2].any()
    assert all(found.last[n] <= found.first[n] for n in (0, 1))
    # samples at -2.5 (outside), -1.5 (outside), -0.5 (the border) and 0.5
    assert found.weights[2, 0].tolist() == [1.5 / 4, 0.5 / 4, 0, 0, 0, 0]


def test_broken_regions_and_none_read_nothing() -> None:
    broken = (0, 2.0 * MOST_SAMPLES), (0, float('inf')), (float('nan'), 3)
    found = bin_weights(*regions(*broken), 1, 6, 0, aligned=True)
    assert not found.weights.any()
    assert all(last <= first for first, last in zip(found.first, found.last, strict=True))
    none = bin_weights(torch.zeros(0), torch.zeros(0), 2, 6, 0, aligned=True)
    assert none.weights.shape == (0, 2, 6) and none.first == none.last == []

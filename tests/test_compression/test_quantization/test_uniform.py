"""Ranges of the uniform quantiser."""

from __future__ import annotations

import pytest
import torch

from mmsfa.compression.quantization import UniformQuantizer


def error(scale: str, bits: int, rows: torch.Tensor, per: str = 'filter') -> float:
    values = UniformQuantizer(bits, scale, per).quantize(rows).values
    return (values - rows).square().mean().item()


@pytest.mark.parametrize('bits', [2, 3, 4, 6, 8])
def test_the_gaussian_range_is_the_best_for_gaussian_weights(bits: int) -> None:
    rows = torch.randn(4, 50_000, generator=torch.Generator().manual_seed(0))
    assert error('gaussian', bits, rows) < 1.02 * error('mse', bits, rows)
    assert error('mse', bits, rows) <= error('max', bits, rows)


def test_an_outlier_is_clipped_by_the_percentile_and_by_the_least_error() -> None:
    rows = torch.randn(4, 5000, generator=torch.Generator().manual_seed(0))
    rows[:, 0] = 50
    assert error('mse', 4, rows) < error('percentile', 4, rows) < error('max', 4, rows)


def test_filters_of_different_size_want_their_own_scale() -> None:
    rows = torch.randn(6, 500) * torch.logspace(-2, 0, 6)[:, None]
    assert error('mse', 4, rows) < 0.8 * error('mse', 4, rows, 'layer')


def test_zero_stays_zero() -> None:
    values = UniformQuantizer(4, 'max').quantize(torch.tensor([[0.0, 1, -0.01], [0, 0, 0]])).values
    assert values.tolist() == [[0, 1, 0], [0, 0, 0]]


def test_wrong_settings() -> None:
    with pytest.raises(ValueError, match='bits of UniformQuantizer must lie in 2..8, got 1'):
        UniformQuantizer(1)
    with pytest.raises(ValueError, match="one of max, percentile, mse.*, got 'mean'"):
        UniformQuantizer(4, 'mean')
    with pytest.raises(ValueError, match="'filter' or 'layer', got 'channel'"):
        UniformQuantizer(4, per='channel')
    with pytest.raises(ValueError, match='percentile must be above 0 and at most 100, got 0'):
        UniformQuantizer(4, percentile=0)

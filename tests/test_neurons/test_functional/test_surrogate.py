"""Surrogates of a step: even, of area 1, as steep as they are told."""

from __future__ import annotations

import pytest
import torch

from mmsfa.neurons.functional.surrogate import check_surrogate, surrogate_derivative

SURROGATES = ['atan', 'sigmoid', 'triangle', 'piecewise_quadratic', 'rectangle']


@pytest.mark.parametrize('surrogate', SURROGATES)
@pytest.mark.parametrize('alpha', [0.7, 3.0])
def test_the_area_under_a_surrogate_is_one(surrogate: str, alpha: float) -> None:
    u = torch.linspace(-200, 200, 4_000_001, dtype=torch.float64)
    slope = surrogate_derivative(u, surrogate, alpha)
    assert torch.trapezoid(slope, u).item() == pytest.approx(1, abs=5e-3)
    torch.testing.assert_close(slope, slope.flip(0), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(
    ('surrogate', 'steepness', 'slopes'),
    [
        ('atan', 2.0, [1, 1 / 2]),
        ('sigmoid', 4.0, [1, 4 * 0.17087]),
        ('triangle', 1.0, [1, 1 - 1 / torch.pi]),
        ('piecewise_quadratic', 1.0, [1, 1 - 1 / torch.pi]),
        ('rectangle', 1.0, [1, 1]),
    ],
)
def test_slopes_of_the_usual_steepness_by_hand(
    surrogate: str, steepness: float, slopes: list[float]
) -> None:
    assert check_surrogate(surrogate, None) == steepness
    assert check_surrogate(surrogate, 3) == 3
    u = torch.tensor([0, 1 / torch.pi], dtype=torch.float64)
    found = surrogate_derivative(u, surrogate, steepness).tolist()
    assert found == pytest.approx(slopes, rel=1e-3)


@pytest.mark.parametrize('alpha', [-1, True, float('nan'), float('inf'), '2'])
def test_a_steepness_that_is_no_positive_number_is_refused(alpha: object) -> None:
    with pytest.raises(ValueError, match=r'alpha \(the steepness .* must be None or a number > 0'):
        check_surrogate('atan', alpha)

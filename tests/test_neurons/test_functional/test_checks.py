"""Settings and inputs that firing refuses."""

import pytest
import torch

from mmsfa.neurons.functional import check_levels, integer_fire, integer_fire_over_time


@pytest.mark.parametrize('beta', [0, 0.25])
def test_a_batch_that_is_no_multiple_of_its_steps_is_refused(beta):
    with pytest.raises(ValueError, match='multiple of T=4'):
        integer_fire_over_time(torch.zeros(6, 2), T=4, beta=beta)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(T=0), 'T .* must'),
        (dict(T=2, beta=float('nan')), 'beta .* must'),
        (dict(T=2, beta='a'), 'beta .* must'),
    ],
)
def test_wrong_times(settings, message):
    with pytest.raises(ValueError, match=message):
        integer_fire_over_time(torch.zeros(6, 2), **settings)


@pytest.mark.parametrize('D', [0, -1, 2.5, True, '4'])
def test_wrong_number_of_levels(D):
    with pytest.raises(ValueError, match='D .* must be an integer >= 1'):
        integer_fire(torch.zeros(1), D)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(norm=0), 'norm must be None'),
        (dict(norm='4'), 'norm must be None'),
        (dict(norm=True), 'norm must be None'),
        (dict(norm=float('inf')), 'norm must be None'),
        (dict(rounding='up'), "rounding must be 'half_even' or 'half_up'"),
        (dict(grad_range='sigmoid'), "grad_range must be 'closed' or 'open'"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        integer_fire(torch.zeros(1), **settings)


def test_integer_tensors_are_refused():
    with pytest.raises(TypeError, match='floating-point tensor, got torch.int64'):
        integer_fire(torch.arange(3))


def test_the_divisor_is_the_number_of_levels_unless_it_is_named():
    assert check_levels(8, None, 'half_even', 'closed') == 8
    assert check_levels(8, 0.5, 'half_up', 'open') == 0.5

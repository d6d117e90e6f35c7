"""Outlines and textures on a plane of coordinates."""

import numpy as np
import pytest

from mmsfa.datasets.shapes.drawing import BACKGROUNDS, OUTLINES, SURFACES

RADIUS = 20.0
V, U = np.mgrid[-40:41, -40:41].astype(float)


@pytest.mark.parametrize('name', OUTLINES)
def test_every_outline_has_the_area_of_its_circle(name):
    inside = OUTLINES[name](U, V, RADIUS) < 0
    assert inside.sum() == pytest.approx(np.pi * RADIUS**2, rel=0.03)
    assert inside[40, 40]


def turned(angle):
    return np.cos(angle) * U - np.sin(angle) * V, np.sin(angle) * U + np.cos(angle) * V


@pytest.mark.parametrize(
    ('name', 'turn'), [('circle', 0.3), ('square', np.pi / 2), ('triangle', 2 * np.pi / 3)]
)
def test_an_outline_is_a_distance_with_its_own_symmetry(name, turn):
    outline = OUTLINES[name]
    distance = outline(U, V, RADIUS)
    assert np.allclose(outline(*turned(turn), RADIUS), distance)
    assert np.allclose(outline(*turned(0.3), RADIUS), distance) == (name == 'circle')
    assert np.allclose(outline(2 * U, 2 * V, 2 * RADIUS), 2 * distance)
    # no pixel is further away than its neighbour by more than a step
    assert np.abs(np.diff(distance, axis=1)).max() <= 1 + 1e-9


TEXTURES = tuple(dict.fromkeys((*SURFACES, *BACKGROUNDS.values())))


@pytest.mark.parametrize('texture', TEXTURES, ids=lambda one: one.__name__)
def test_a_texture_is_a_weight_that_varies_and_is_drawn_from_the_generator(texture):
    weight = texture(np.random.default_rng(0), U, V)
    assert weight.shape == U.shape and weight.min() >= 0 and weight.max() <= 1
    assert np.ptp(weight) > 0.5
    assert np.array_equal(weight, texture(np.random.default_rng(0), U, V))
    if texture.__name__ != 'ramp':  # which owes nothing to chance
        assert not np.array_equal(weight, texture(np.random.default_rng(1), U, V))


def test_stripes_run_along_one_axis_and_a_grid_along_both():
    stripes, grid = (
        BACKGROUNDS[name](np.random.default_rng(0), U, V) for name in ('stripes', 'grid')
    )
    assert np.ptp(stripes, axis=0).max() == 0 < np.ptp(stripes, axis=1).min()
    assert np.allclose(stripes.mean(), 0.5, atol=0.1)
    assert grid.mean() < 0.5 and np.ptp(grid, axis=0).max() > 0.5 < np.ptp(grid, axis=1).max()
